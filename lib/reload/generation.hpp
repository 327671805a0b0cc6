// reload/generation.hpp - what serves a mount between two swaps, and the leases on it.
#ifndef PLUGRELOAD_RELOAD_GENERATION_HPP_
#define PLUGRELOAD_RELOAD_GENERATION_HPP_

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/event_word.hpp"
#include "base/mutex.hpp"
#include "base/section.hpp"
#include "base/slab.hpp"
#include "plugreload/types.hpp"

namespace plugreload::internal {

class Instance;

// Lives in a slab whose memory is never given back while the runtime lives, because the last step
// of a release looks at `draining` after its count made the generation reusable; a stale look costs
// a spurious wake-up, nothing else.
struct alignas(64) Generation {
  // All that a lease touches lies in the first cache line; `mount` is what it only hands out.
  // Constant for the life of the slab.
  CounterId id;
  // True from the swap that hid it. Set before the drainer's fence; see ReleaseLease.
  std::atomic<bool> draining{false};
  SectionDomain* domain = nullptr;
  EventWord* drained = nullptr;  // woken by releases while `draining`
  // MountNode::place of `mount`. Raised while published only when there is no other generation to
  // take its place.
  std::atomic<std::uint64_t> place{0};
  // Leases counted here instead of in the thread's own counter when memory was short.
  LeaseCounter spare;

  // Constant from before it is published until its last lease has ended.
  std::uint64_t number = 0;
  std::shared_ptr<Instance> instance;
  std::shared_ptr<const MountEntry> mount;

  // Leases still held. Exact once a Grace has passed since it was hidden: then nobody can begin one
  // any more, the begun are final, and the sum of the ended can only lag behind.
  std::uint32_t Held() const;
};

// What a lease keeps of being counted.
struct LeaseCount {
  LeaseCounter* counter = nullptr;
  SectionRecord* record = nullptr;  // the counter's thread; nobody's when it is no thread's
};

// When memory is short, or the lease is noted: not in the counter of a thread.
LeaseCount CountSpare(Generation& generation) noexcept;
SectionRecord* NobodysRecord();
void WakeDrainer(const Generation& generation) noexcept;
void ReleaseElsewhere(Generation& generation, LeaseCounter* counter) noexcept;

// Plain loads and stores: a counter has one writer, its thread.

// REQUIRES: inside a section that read the generation from its slot.
inline LeaseCount CountLease(Generation& generation, const Section& section) noexcept {
  SectionRecord& record = section.record();
  LeaseCounter* counter = record.Counter(generation.id);
  if (counter == nullptr) [[unlikely]]
    return CountSpare(generation);
  // Published by the end of the section, which Grace waits for.
  const std::uint32_t in = counter->in.load(std::memory_order_relaxed) + 1;
  counter->in.store(in, kSectionRelaxed);
  if (in == 0) [[unlikely]]
    record.wraps.store(record.wraps.load(std::memory_order_relaxed) + 1, kSectionRelaxed);
  return {counter, &record};
}

// The end of a lease in the calling thread's own counter.
inline void CountEnd(Generation& generation, LeaseCounter* counter,
                     const SectionRecord* record) noexcept {
  // Odd: whoever sees the drain complete by this store knows that this thread is not done with what
  // the lease kept alive, and waits for the even one before that goes (AwaitReleases). A section
  // would do the same for two more stores to another line.
  const std::uint32_t out = counter->out.load(std::memory_order_relaxed) + 1;
  counter->out.store(out, kSectionRelease);
  // Dekker with the drainer, which sets `draining`, fences, and sums: either its sum sees this
  // release, or this thread sees `draining` and wakes it.
  record->LightFence();
  if (generation.draining.load(kSectionRelaxed)) [[unlikely]]
    WakeDrainer(generation);
  counter->out.store(out + 1, kSectionRelease);
}

// From any thread, once per CountLease. The lease keeps its record alive, so it may be asked whose
// it is; that of another thread is not written.
inline void ReleaseLease(Generation& generation, const LeaseCount& count) noexcept {
  if (count.record->owner.load(std::memory_order_relaxed) == ThisThread()) [[likely]] {
    CountEnd(generation, count.counter, count.record);
  } else {
    ReleaseElsewhere(generation, count.counter);
  }
}

// Hands out generations and takes them back.
//
// Thread safety: safe for concurrent use.
class GenerationSlab {
 public:
  GenerationSlab(SectionDomain* domain, EventWord* drained) : domain_(domain), drained_(drained) {}

  // The one that came back last, if any did. Null when every id is in use.
  Generation* Take();
  // REQUIRES: no lease of any is held and none can begin.
  void GiveBack(const std::vector<Generation*>& generations);

 private:
  SectionDomain* const domain_;
  EventWord* const drained_;
  Mutex mutex_;
  Slab<Generation> slab_ PLUGRELOAD_GUARDED_BY(mutex_);
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_RELOAD_GENERATION_HPP_
