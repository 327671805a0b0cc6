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
#include "plugreload/types.hpp"

namespace plugreload::internal {

class Instance;

// Lives in a slab whose memory is never given back while the runtime lives, because the last step
// of a release looks at `draining` after its count made the generation reusable; a stale look costs
// a spurious wake-up, nothing else.
struct alignas(64) Generation {
  // All that a lease touches lies in the first cache line; `mount` is what it only hands out.
  // Constant for the life of the slab.
  std::uint32_t id = 0;
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
  MountEntry mount;

  // Leases still held. Exact once a Grace has passed since it was hidden: then nobody can begin one
  // any more, the begun are final, and the sum of the ended can only lag behind.
  std::uint32_t Held() const;
};

// REQUIRES: inside a section that read the generation from its slot. Returns the counter used.
LeaseCounter* CountLease(Generation& generation, SectionRecord* record);
// From any thread, once per CountLease.
void ReleaseLease(Generation& generation, LeaseCounter* counter, void* record) noexcept;

// Hands out generations and takes them back.
//
// Thread safety: safe for concurrent use.
class GenerationSlab {
 public:
  GenerationSlab(SectionDomain* domain, EventWord* drained) : domain_(domain), drained_(drained) {}

  // Null when every id is in use.
  Generation* Take();
  // REQUIRES: no lease is held and none can begin.
  void GiveBack(Generation* generation);

 private:
  SectionDomain* const domain_;
  EventWord* const drained_;
  Mutex mutex_;
  std::vector<std::unique_ptr<Generation>> all_ PLUGRELOAD_GUARDED_BY(mutex_);
  std::vector<Generation*> free_ PLUGRELOAD_GUARDED_BY(mutex_);
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_RELOAD_GENERATION_HPP_
