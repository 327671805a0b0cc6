#include "base/section.hpp"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
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

// To a thread inside a section, or at the end of a lease: a few hundred nanoseconds of straight
// code at most, so only one that was preempted is still there after the first look.
void GiveWay() { std::this_thread::sleep_for(std::chrono::microseconds(20)); }

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
      if (registry.domains.contains(id)) record->owner.store(0, std::memory_order_release);
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
  SectionRecord* free = nullptr;
  for (const auto& record : records_) {
    // Left behind by its thread with all its counts, which is what the order is for.
    if (record->owner.load(std::memory_order_acquire) == 0) free = record.get();
  }
  if (free == nullptr) {
    records_.push_back(std::make_unique<SectionRecord>());
    free = records_.back().get();
    free->fences = !membarrier_;
  }
  free->owner.store(ThisThread(), std::memory_order_relaxed);
  return free;
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
  // Sections that begin from here on have this era, or one before when they have read it already:
  // waiting for those too is needless, and harmless.
  const std::uint64_t era = era_.fetch_add(1) + 1;
  HeavyFence();
  // Whoever registers after this snapshot does so behind the mutex, and sees what was published
  // before it. Eras only grow, so one pass is enough.
  const auto before = [era](const SectionRecord& record) {
    const std::uint64_t seen = record.era.load(kSectionAcquire);
    return seen != 0 && seen < era;
  };
  std::vector<const SectionRecord*> open;
  {
    const MutexLock lock(mutex_);
    for (const auto& record : records_) {
      if (before(*record)) open.push_back(record.get());
    }
  }
  for (const SectionRecord* record : open) {
    while (before(*record)) GiveWay();
  }
}

// The counters of one object.
template <typename Look>
void SectionDomain::EachCounter(CounterId id, const Look& look) const {
  for (const auto& record : records_) {
    const LeaseCounter* chunk = record->chunks[id.chunk].load(kSectionAcquire);
    if (chunk != nullptr) look(chunk[id.place]);
  }
}

// All there are, of which there may be millions: not under the lock, which records outlive.
template <typename Look>
void SectionDomain::EachCounter(const Look& look) const {
  std::vector<const SectionRecord*> records;
  {
    const MutexLock lock(mutex_);
    for (const auto& record : records_) records.push_back(record.get());
  }
  for (const SectionRecord* record : records) {
    for (const auto& word : record->chunks) {
      const LeaseCounter* chunk = word.load(kSectionAcquire);
      for (std::size_t i = 0; chunk != nullptr && i < kCountersPerChunk; ++i) look(chunk[i]);
    }
  }
}

namespace {

// What is odd has ended.
std::uint32_t Ended(const LeaseCounter& counter) {
  const std::uint32_t out = counter.out.load(kSectionAcquire);
  return out / 2 + out % 2;
}

}  // namespace

SectionDomain::Totals SectionDomain::Total(CounterId id) const {
  Totals total;
  const MutexLock lock(mutex_);
  EachCounter(id, [&](const LeaseCounter& counter) { total.out += Ended(counter); });
  EachCounter(id,
              [&](const LeaseCounter& counter) { total.in += counter.in.load(kSectionAcquire); });
  return total;
}

SectionDomain::Leases SectionDomain::CountLeases() const {
  // Ended first: what ends in between must not look as if it had never begun.
  std::uint32_t ended = spare_ended_.load();
  EachCounter([&](const LeaseCounter& counter) { ended += Ended(counter); });
  std::uint64_t begun = spare_begun_.load();
  EachCounter([&](const LeaseCounter& counter) { begun += counter.in.load(kSectionAcquire); });
  const std::uint32_t held = (static_cast<std::uint32_t>(begun) - ended) & kLeaseBits;
  const MutexLock lock(mutex_);
  for (const auto& record : records_) begun += record->wraps.load(kSectionAcquire) << 32;
  // A wrap may show before it is counted.
  begun_ = std::max(begun_, begun);
  return {begun_, held};
}

void SectionDomain::AwaitReleases() const {
  EachCounter([](const LeaseCounter& counter) {
    const std::uint32_t seen = counter.out.load(kSectionAcquire);
    while (seen % 2 != 0 && counter.out.load(kSectionAcquire) == seen) GiveWay();
  });
  while (spare_releases_.load() != 0) GiveWay();
}

}  // namespace plugreload::internal
