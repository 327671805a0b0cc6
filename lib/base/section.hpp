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

// What one thread counts for one object: leases it began, and twice the leases it ended. Written by
// that thread alone; summed over all threads by whoever waits for a drain. Both wrap; only their
// difference over all threads means something, up to kLeaseBits.
struct LeaseCounter {
  std::atomic<std::uint32_t> in{0};
  // Odd: the last of them has ended, and its thread still looks at what the lease kept alive.
  std::atomic<std::uint32_t> out{0};
};
inline constexpr std::uint32_t kLeaseBits = 0x7fffffff;

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

inline constexpr std::uint32_t kCountersPerChunk = 4096;
inline constexpr std::uint32_t kCounterChunks = 1024;

// An object's number among those that leases are counted for, taken apart once.
struct CounterId {
  std::uint32_t chunk = 0, place = 0;

  CounterId() = default;
  explicit CounterId(std::uint32_t id)
      : chunk(id / kCountersPerChunk), place(id % kCountersPerChunk) {}
};

// Tells the running threads apart.
inline std::uintptr_t ThisThread() {
  return reinterpret_cast<std::uintptr_t>(__builtin_thread_pointer());
}

// The share of one thread in one domain. Recycled when the thread ends, its counts kept; freed with
// the domain. Its own two cache lines, so that no reader writes a line that another one touches.
struct alignas(128) SectionRecord {
  // 0: outside of any section; else SectionDomain::era as it was when the one that is open began.
  std::atomic<std::uint64_t> era{0};
  // ThisThread() of the thread that has it; 0: nobody's. Whoever finds itself here has it, for
  // nobody else writes its name.
  std::atomic<std::uintptr_t> owner{0};
  std::atomic<std::uint64_t> wraps{0};  // of all counters of leases begun
  bool fences = false;                  // there is no membarrier
  std::array<std::atomic<LeaseCounter*>, kCounterChunks> chunks{};

  ~SectionRecord();
  // A full fence on the reader's side when the kernel gives us no membarrier; otherwise only the
  // compiler is held back, and HeavyFence pays for both sides.
  void LightFence() const {
#if !defined(PLUGRELOAD_TSAN)
    if (fences) [[unlikely]] {
      std::atomic_thread_fence(std::memory_order_seq_cst);
    } else {
      std::atomic_signal_fence(std::memory_order_seq_cst);
    }
#endif
  }
  // Has the processor fetch a counter that is going to be asked for.
  void Prefetch(CounterId id) const noexcept {
    const LeaseCounter* chunk = chunks[id.chunk].load(std::memory_order_relaxed);
    if (chunk != nullptr) [[likely]]
      __builtin_prefetch(chunk + id.place, 1);
  }
  // This thread's counter of object `id`; null when memory is short. REQUIRES: own thread.
  LeaseCounter* Counter(CounterId id) noexcept {
    LeaseCounter* chunk = chunks[id.chunk].load(std::memory_order_relaxed);
    if (chunk == nullptr) [[unlikely]] {
      chunk = AddChunk(id.chunk);
      if (chunk == nullptr) return nullptr;
    }
    return chunk + id.place;
  }

 private:
  LeaseCounter* AddChunk(std::size_t index) noexcept;
};

// The record that the calling thread used last. Trivial, so that access costs no guard.
struct SectionCache {
  std::uint64_t domain = 0;
  SectionRecord* record = nullptr;
};
// Beside the thread itself, without a call, in a shared library too: it takes 16 of the bytes that
// the C library keeps for such.
extern constinit thread_local SectionCache section_cache __attribute__((tls_model("initial-exec")));

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

  // How many graces have begun, and one. Acquire, for who sees the era of a grace is not waited for
  // by it, and must see what was published before it.
  std::uint64_t era() const { return era_.load(kSectionAcquire); }

  // Returns when every section that was open at the call has ended: nobody holds what was replaced
  // before it. Costs one membarrier and, when a reader was preempted inside, a scheduler slice. An
  // argument of many changes: publish them all, then call it once. Not from inside a section.
  void Grace();

  // Leases that all threads began so far, which never goes back, and those that are held.
  struct Leases {
    std::uint64_t begun = 0, held = 0;
  };
  Leases CountLeases() const;
  // For leases that no thread's counter counts; both ends of such an end.
  void CountSpare() { spare_begun_.fetch_add(1); }
  void BeginSpareRelease() { spare_releases_.fetch_add(1); }
  void EndSpareRelease() {
    spare_ended_.fetch_add(1);
    spare_releases_.fetch_sub(1);
  }

  // Returns when every thread that had counted the end of a lease at the call is done with it: what
  // leases keep alive may go when they are all counted as ended and this has returned.
  void AwaitReleases() const;

  // Sums over all threads, of object `id`: leases begun, and ended, these first. `in` is final only
  // after a Grace behind the change that hid the object.
  struct Totals {
    std::uint32_t in = 0, out = 0;
  };
  Totals Total(CounterId id) const;

  // The other side of all light fences at once.
  void HeavyFence() const;

  // For tests: behave as on a kernel without membarrier. Before the first reader.
  void UseFences() { membarrier_ = false; }

 private:
  friend struct ThreadHub;
  SectionRecord* RecordSlow() noexcept;
  SectionRecord* NewRecord();
  template <typename Look>
  void EachCounter(CounterId id, const Look& look) const PLUGRELOAD_REQUIRES(mutex_);
  template <typename Look>
  void EachCounter(const Look& look) const;

  const std::uint64_t id_;             // never reused, so that a thread's stale cache cannot match
  std::atomic<std::uint64_t> era_{1};  // beside what every reader reads already
  bool membarrier_ = false;
  std::atomic<std::uint32_t> spare_begun_{0}, spare_ended_{0}, spare_releases_{0};
  mutable Mutex mutex_;
  mutable std::uint64_t begun_ PLUGRELOAD_GUARDED_BY(mutex_) = 0;  // as last told
  std::vector<std::unique_ptr<SectionRecord>> records_ PLUGRELOAD_GUARDED_BY(mutex_);
};

// A read section of the calling thread: microseconds, no lock, no call into the host. Not nested.
class Section {
 public:
  // REQUIRES: what `domain`.Record() has returned to this thread.
  Section(const SectionDomain& domain, SectionRecord& record) noexcept : record_(record) {
    // Before anything published is read. The fence pairs with the one in Grace: either Grace sees
    // that the section is open and waits, or this thread sees what was published before Grace. No
    // number of this thread is counted up: the next section would wait for the store of this one.
    record.era.store(domain.era(), kSectionRelaxed);
    record.LightFence();
  }
  ~Section() { record_.era.store(0, kSectionRelease); }
  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;

  SectionRecord& record() const { return record_; }

 private:
  SectionRecord& record_;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_BASE_SECTION_HPP_
