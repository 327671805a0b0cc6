// reload/slot.hpp - the place of one mount: what serves it now, and in which state it is.
#ifndef PLUGRELOAD_RELOAD_SLOT_HPP_
#define PLUGRELOAD_RELOAD_SLOT_HPP_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/mutex.hpp"
#include "base/slab.hpp"
#include "namespaces/tree.hpp"
#include "plugreload/reload.hpp"
#include "plugreload/types.hpp"
#include "reload/generation.hpp"

namespace plugreload::internal {

// What Acquire reads.
struct SlotCell {
  // Null whenever the state is not kServing.
  std::atomic<Generation*> current{nullptr};
  // Of `current`, or for a moment of the one before: good for fetching what will be needed.
  std::atomic<CounterId> counter{CounterId()};
};

// Side by side, so that a million of them are few cache lines and pages for readers. Kept by every
// slot, for events that wait to be told keep slots longer than the engine lives.
//
// Thread safety: safe for concurrent use.
class SlotCells {
 public:
  SlotCell* Take() {
    const MutexLock lock(mutex_);
    return slab_.Take([](SlotCell&, std::size_t) {});
  }
  void GiveBack(SlotCell* cell) {
    cell->current.store(nullptr, std::memory_order_relaxed);
    const MutexLock lock(mutex_);
    slab_.GiveBack(cell);
  }

 private:
  Mutex mutex_;
  Slab<SlotCell> slab_ PLUGRELOAD_GUARDED_BY(mutex_);
};

// Everything but `current` is guarded by Slots::mutex_, for all slots the same.
struct Slot : MountAttachment, std::enable_shared_from_this<Slot> {
  explicit Slot(std::shared_ptr<SlotCells> owner)
      : MountAttachment(owner->Take()), cells(std::move(owner)) {}
  ~Slot() override { cells->GiveBack(static_cast<SlotCell*>(cell)); }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;

  std::atomic<Generation*>& current() const { return static_cast<SlotCell*>(cell)->current; }

  const std::shared_ptr<SlotCells> cells;
  SharedEntry entry;
  std::uint64_t place = 0;  // MountNode::place of `entry`
  MountState state = MountState::kIdle;
  std::uint32_t restarts = 0;  // failures in a row
  std::uint64_t number = 0;    // of the newest generation; 0: none yet
  std::uint64_t incident = 0;  // grows with every change of state: a late answer to an older one
                               // recognises itself
  Status error;                // the last one
  std::chrono::steady_clock::time_point serving_since;
  // What a restart runs: the version that ran. A pin set since takes effect at the next reload.
  std::shared_ptr<const PluginSpec> last;

  // The only way to another state. False, and nothing changed, when there is no way from here.
  bool Enter(MountState next);
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_RELOAD_SLOT_HPP_
