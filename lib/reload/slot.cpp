#include "reload/slot.hpp"

namespace plugreload::internal {
namespace {

bool Allowed(MountState from, MountState to) {
  switch (from) {
    case MountState::kIdle:
      return to == MountState::kStarting || to == MountState::kServing ||
             to == MountState::kRemoved;
    case MountState::kStarting:
      return to == MountState::kServing || to == MountState::kRestarting ||
             to == MountState::kFailed || to == MountState::kHeld || to == MountState::kRemoved;
    case MountState::kServing:
      return to == MountState::kServing || to == MountState::kHeld ||
             to == MountState::kRestarting || to == MountState::kFailed ||
             to == MountState::kRemoved;
    case MountState::kHeld:
      return to == MountState::kServing || to == MountState::kRestarting ||
             to == MountState::kFailed || to == MountState::kRemoved;
    case MountState::kRestarting:
      return to == MountState::kServing || to == MountState::kRestarting ||
             to == MountState::kFailed || to == MountState::kHeld || to == MountState::kRemoved;
    case MountState::kFailed:
      return to == MountState::kServing || to == MountState::kStarting || to == MountState::kHeld ||
             to == MountState::kRemoved;
    case MountState::kRemoved:
      return false;
  }
  return false;
}

}  // namespace

bool Slot::Enter(MountState next) {
  if (!Allowed(state, next)) return false;
  state = next;
  ++incident;
  if (next == MountState::kServing) {
    serving_since = std::chrono::steady_clock::now();
    error = Status();
  }
  return true;
}

}  // namespace plugreload::internal
