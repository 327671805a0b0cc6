// reload/slot.hpp - the place of one mount: what serves it now, and in which state it is.
#ifndef PLUGRELOAD_RELOAD_SLOT_HPP_
#define PLUGRELOAD_RELOAD_SLOT_HPP_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

#include "namespaces/tree.hpp"
#include "plugreload/reload.hpp"
#include "plugreload/types.hpp"
#include "reload/generation.hpp"

namespace plugreload::internal {

// Everything but `current` is guarded by Slots::mutex_, for all slots the same.
struct Slot : MountAttachment, std::enable_shared_from_this<Slot> {
  // What Acquire reads. Null whenever the state is not kServing.
  std::atomic<Generation*> current{nullptr};

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
