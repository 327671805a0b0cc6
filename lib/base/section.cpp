#include "base/section.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <new>
#include <thread>
#include <utility>

namespace plugreload::internal {

constinit thread_local SectionCache section_cache;

namespace {

// The one process-wide thing of the library: which domains are alive, for threads that end.
struct Registry {
  Mutex mutex;
  std::uint64_t last_id PLUGRELOAD_GUARDED_BY(mutex) = 0;
  std::map<std::uint64_t, SectionDomain*> domains PLUGRELOAD_GUARDED_BY(mutex);
};

Registry& TheRegistry() {
  static Registry* const registry = new Registry;  // threads may end after static destructors
  return *registry;
}

long Membarrier(int command) { return syscall(SYS_membarrier, command, 0, 0); }

}  // namespace

// What a thread leaves behind: its records, for the next thread.
struct ThreadHub {
  std::vector<std::pair<std::uint64_t, SectionRecord*>> records;

  ~ThreadHub() {
    section_cache = {};
    ended = true;
    Registry& registry = TheRegistry();
    const MutexLock lock(registry.mutex);
    for (const auto& [id, record] : records) {
      // A domain that is gone has freed its records.
      if (registry.domains.contains(id)) record->in_use.store(false, std::memory_order_release);
    }
  }

  SectionRecord* Find(std::uint64_t id) const {
    for (const auto& [known, record] : records) {
      if (known == id) return record;
    }
    return nullptr;
  }

  // Leases may be released by destructors that run after this one.
  static constinit thread_local bool ended;
};
constinit thread_local bool ThreadHub::ended = false;

namespace {
thread_local ThreadHub thread_hub;
}  // namespace

SectionRecord::~SectionRecord() {
  for (auto& chunk : chunks) delete[] chunk.load(std::memory_order_relaxed);
}

LeaseCounter* SectionRecord::AddChunk(std::size_t index) noexcept {
  auto* chunk = new (std::nothrow) LeaseCounter[kCountersPerChunk];
  chunks[index].store(chunk, std::memory_order_release);
  return chunk;
}

SectionDomain::SectionDomain()
    : id_([] {
        Registry& registry = TheRegistry();
        const MutexLock lock(registry.mutex);
        return ++registry.last_id;
      }()) {
  membarrier_ = Membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0;
  Registry& registry = TheRegistry();
  const MutexLock lock(registry.mutex);
  registry.domains.emplace(id_, this);
}

SectionDomain::~SectionDomain() {
  Registry& registry = TheRegistry();
  const MutexLock lock(registry.mutex);
  registry.domains.erase(id_);
}

SectionRecord* SectionDomain::NewRecord() {
  const MutexLock lock(mutex_);
  for (const auto& record : records_) {
    if (record->in_use.load(std::memory_order_acquire)) continue;
    record->in_use.store(true, std::memory_order_relaxed);
    return record.get();
  }
  records_.push_back(std::make_unique<SectionRecord>());
  return records_.back().get();
}

SectionRecord* SectionDomain::RecordSlow() noexcept {
  try {
    // A thread that is ending has no hub any more: its record stays taken until the domain ends.
    if (ThreadHub::ended) return NewRecord();
    ThreadHub& hub = thread_hub;
    SectionRecord* record = hub.Find(id_);
    if (record == nullptr) {
      hub.records.reserve(hub.records.size() + 1);
      record = NewRecord();
      hub.records.emplace_back(id_, record);
    }
    section_cache = {id_, record};
    return record;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

void SectionDomain::HeavyFence() const {
#if !defined(PLUGRELOAD_TSAN)  // which knows no fences; see kSectionAcquire
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
  if (membarrier_) Membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED);
}

void SectionDomain::Grace() {
  HeavyFence();
  // Whoever registers after this snapshot does so behind the mutex, and sees what was published
  // before it. Sequences only grow, so one pass is enough: an odd number that changed is a section
  // that ended, and the next one of that thread began behind the fence.
  std::vector<std::pair<const SectionRecord*, std::uint64_t>> open;
  {
    const MutexLock lock(mutex_);
    for (const auto& record : records_) {
      const std::uint64_t sequence = record->sequence.load(kSectionAcquire);
      if (sequence % 2 != 0) open.emplace_back(record.get(), sequence);
    }
  }
  for (const auto& [record, sequence] : open) {
    // A section is a few hundred nanoseconds of straight code, so only a preempted thread is still
    // inside after the first look: give it the processor.
    while (record->sequence.load(kSectionAcquire) == sequence) {
      std::this_thread::sleep_for(std::chrono::microseconds(20));
    }
  }
}

SectionDomain::Leases SectionDomain::CountLeases() const {
  // Ended first: what ends in between must not look as if it had never begun.
  Leases leases{spare_begun_.load(), spare_ended_.load()};
  const MutexLock lock(mutex_);
  for (const auto& record : records_) leases.ended += record->ended.load(kSectionAcquire);
  for (const auto& record : records_) leases.begun += record->begun.load(kSectionAcquire);
  return leases;
}

std::uint32_t SectionDomain::Total(std::uint32_t id,
                                   std::atomic<std::uint32_t> LeaseCounter::*side) const {
  std::uint32_t total = 0;
  const MutexLock lock(mutex_);
  for (const auto& record : records_) {
    const LeaseCounter* chunk = record->chunks[id / kCountersPerChunk].load(kSectionAcquire);
    if (chunk != nullptr) total += (chunk[id % kCountersPerChunk].*side).load(kSectionAcquire);
  }
  return total;
}

}  // namespace plugreload::internal
