// base/section.hpp - read sections: how readers use published data without taking a lock.
#ifndef PLUGRELOAD_BASE_SECTION_HPP_
#define PLUGRELOAD_BASE_SECTION_HPP_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/mutex.hpp"

namespace plugreload::internal {

// What one thread counts for one object: leases it began and leases it ended. Written by that
// thread alone; summed over all threads by whoever waits for a drain. Both wrap; only their
// difference over all threads means something.
struct LeaseCounter {
  std::atomic<std::uint32_t> in{0};
  std::atomic<std::uint32_t> out{0};
};

#if defined(__SANITIZE_THREAD__)
#define PLUGRELOAD_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PLUGRELOAD_TSAN 1
#endif
#endif

// The orderings of sections. ThreadSanitizer does not see fences (g++ 12 does not instrument them),
// so under it the operations themselves are sequentially consistent.
#if defined(PLUGRELOAD_TSAN)
inline constexpr std::memory_order kSectionRelaxed = std::memory_order_seq_cst;
inline constexpr std::memory_order kSectionAcquire = std::memory_order_seq_cst;
inline constexpr std::memory_order kSectionRelease = std::memory_order_seq_cst;
#else
inline constexpr std::memory_order kSectionRelaxed = std::memory_order_relaxed;
inline constexpr std::memory_order kSectionAcquire = std::memory_order_acquire;
inline constexpr std::memory_order kSectionRelease = std::memory_order_release;
#endif

inline constexpr std::size_t kCountersPerChunk = 4096;
inline constexpr std::size_t kCounterChunks = 1024;

// The share of one thread in one domain. Recycled when the thread ends, its counts kept; freed with
// the domain. Its own two cache lines, so that no reader writes a line that another one touches.
struct alignas(128) SectionRecord {
  std::atomic<std::uint64_t> sequence{0};  // odd: inside a section
  // Leases that this thread began and ended, for the statistics; beside `sequence`, which it has
  // at hand.
  std::atomic<std::uint64_t> begun{0}, ended{0};
  std::atomic<bool> in_use{true};
  std::array<std::atomic<LeaseCounter*>, kCounterChunks> chunks{};

  ~SectionRecord();
  // This thread's counter of object `id`; null when memory is short. REQUIRES: own thread.
  LeaseCounter* Counter(std::uint32_t id) noexcept {
    LeaseCounter* chunk = chunks[id / kCountersPerChunk].load(std::memory_order_relaxed);
    if (chunk == nullptr) [[unlikely]]
      chunk = AddChunk(id / kCountersPerChunk);
    return chunk == nullptr ? nullptr : chunk + id % kCountersPerChunk;
  }

 private:
  LeaseCounter* AddChunk(std::size_t index) noexcept;
};

// The record that the calling thread used last. Trivial, so that access costs no guard.
struct SectionCache {
  std::uint64_t domain = 0;
  SectionRecord* record = nullptr;
};
extern constinit thread_local SectionCache section_cache;

// A set of readers, and the writers that must know when none of them can still hold what was
// published before. One per runtime.
//
// Thread safety: safe for concurrent use. Destroyed when no thread is inside a section.
class SectionDomain {
 public:
  SectionDomain();
  ~SectionDomain();
  SectionDomain(const SectionDomain&) = delete;
  SectionDomain& operator=(const SectionDomain&) = delete;

  // The calling thread's record. Allocates at a thread's first call; null when memory is short.
  SectionRecord* Record() noexcept {
    return section_cache.domain == id_ ? section_cache.record : RecordSlow();
  }

  // Returns when every section that was open at the call has ended: nobody holds what was replaced
  // before it. Costs one membarrier and, when a reader was preempted inside, a scheduler slice. An
  // argument of many changes: publish them all, then call it once. Not from inside a section.
  void Grace();

  // Leases begun and ended by all threads so far.
  struct Leases {
    std::uint64_t begun = 0, ended = 0;
  };
  Leases CountLeases() const;
  // For leases of threads without a record.
  void CountSpare(bool begun) { (begun ? spare_begun_ : spare_ended_).fetch_add(1); }

  // Sums over all threads, of object `id`. TotalIn is final only after a Grace behind the change
  // that hid the object.
  std::uint32_t TotalIn(std::uint32_t id) const { return Total(id, &LeaseCounter::in); }
  std::uint32_t TotalOut(std::uint32_t id) const { return Total(id, &LeaseCounter::out); }

  // A full fence on the reader's side when the kernel gives us no membarrier; otherwise only the
  // compiler is held back, and Grace pays for both sides.
  void LightFence() const {
#if !defined(PLUGRELOAD_TSAN)
    if (membarrier_) [[likely]] {
      std::atomic_signal_fence(std::memory_order_seq_cst);
    } else {
      std::atomic_thread_fence(std::memory_order_seq_cst);
    }
#endif
  }
  void HeavyFence() const;

  // For tests: behave as on a kernel without membarrier. Before the first reader.
  void UseFences() { membarrier_ = false; }

 private:
  friend struct ThreadHub;
  SectionRecord* RecordSlow() noexcept;
  SectionRecord* NewRecord();
  std::uint32_t Total(std::uint32_t id, std::atomic<std::uint32_t> LeaseCounter::*side) const;

  const std::uint64_t id_;  // never reused, so that a thread's stale cache cannot match
  bool membarrier_ = false;
  std::atomic<std::uint64_t> spare_begun_{0}, spare_ended_{0};
  mutable Mutex mutex_;
  std::vector<std::unique_ptr<SectionRecord>> records_ PLUGRELOAD_GUARDED_BY(mutex_);
};

// A read section of the calling thread: microseconds, no lock, no call into the host. Not nested.
class Section {
 public:
  // Without memory for the thread's record the section is closed: ok() is false, read nothing.
  explicit Section(SectionDomain& domain) noexcept : record_(domain.Record()) {
    if (record_ == nullptr) [[unlikely]]
      return;
    // Odd before anything published is read. The fence pairs with the one in Grace: either Grace
    // sees the odd number and waits, or this thread sees what was published before Grace.
    inside_ = record_->sequence.load(std::memory_order_relaxed) + 1;
    record_->sequence.store(inside_, kSectionRelaxed);
    domain.LightFence();
  }
  ~Section() {
    if (record_ == nullptr) [[unlikely]]
      return;
    // From the register: a load would wait for the store above it.
    record_->sequence.store(inside_ + 1, kSectionRelease);
  }
  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;

  bool ok() const { return record_ != nullptr; }
  SectionRecord* record() const { return record_; }

 private:
  SectionRecord* record_;
  std::uint64_t inside_ = 0;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_BASE_SECTION_HPP_
