// Where the numbers of C and C++ are the same, a cast converts. This file fails to compile when
// they are not.
#include "plugreload/plugreload.h"
#include "plugreload/runtime.hpp"

namespace plugreload::capi {
namespace {

template <typename Enum>
constexpr bool Same(int number, Enum value) {
  return number == static_cast<int>(value);
}

static_assert(Same(PLUGRELOAD_CANCELLED, Code::kCancelled));
static_assert(Same(PLUGRELOAD_UNKNOWN, Code::kUnknown));
static_assert(Same(PLUGRELOAD_INVALID_ARGUMENT, Code::kInvalidArgument));
static_assert(Same(PLUGRELOAD_DEADLINE_EXCEEDED, Code::kDeadlineExceeded));
static_assert(Same(PLUGRELOAD_NOT_FOUND, Code::kNotFound));
static_assert(Same(PLUGRELOAD_ALREADY_EXISTS, Code::kAlreadyExists));
static_assert(Same(PLUGRELOAD_PERMISSION_DENIED, Code::kPermissionDenied));
static_assert(Same(PLUGRELOAD_RESOURCE_EXHAUSTED, Code::kResourceExhausted));
static_assert(Same(PLUGRELOAD_FAILED_PRECONDITION, Code::kFailedPrecondition));
static_assert(Same(PLUGRELOAD_ABORTED, Code::kAborted));
static_assert(Same(PLUGRELOAD_OUT_OF_RANGE, Code::kOutOfRange));
static_assert(Same(PLUGRELOAD_UNIMPLEMENTED, Code::kUnimplemented));
static_assert(Same(PLUGRELOAD_INTERNAL, Code::kInternal));
static_assert(Same(PLUGRELOAD_UNAVAILABLE, Code::kUnavailable));
static_assert(Same(PLUGRELOAD_DATA_LOSS, Code::kDataLoss));
static_assert(Same(PLUGRELOAD_UNAUTHENTICATED, Code::kUnauthenticated));

static_assert(Same(PLUGRELOAD_TYPE_ANY, PluginType::kUnknown));
static_assert(Same(PLUGRELOAD_TYPE_AUTH, PluginType::kAuth));
static_assert(Same(PLUGRELOAD_TYPE_DATABASE, PluginType::kDatabase));
static_assert(Same(PLUGRELOAD_TYPE_SECRET, PluginType::kSecret));
static_assert(Same(PLUGRELOAD_IMAGE_SEALED, Image::kSealed));
static_assert(Same(PLUGRELOAD_IMAGE_IN_PLACE, Image::kInPlace));
static_assert(Same(PLUGRELOAD_SHARE_MOUNT, Sharing::kMount));
static_assert(Same(PLUGRELOAD_SHARE_NAMESPACE, Sharing::kNamespace));
static_assert(Same(PLUGRELOAD_SHARE_GLOBAL, Sharing::kGlobal));

static_assert(Same(PLUGRELOAD_REACH_NAMESPACE, Reach::kNamespace));
static_assert(Same(PLUGRELOAD_REACH_SUBTREE, Reach::kSubtree));
static_assert(Same(PLUGRELOAD_SCOPE_LOCAL, Scope::kLocal));
static_assert(Same(PLUGRELOAD_SCOPE_GLOBAL, Scope::kGlobal));
static_assert(Same(PLUGRELOAD_POLICY_BEST_EFFORT, Policy::kBestEffort));
static_assert(Same(PLUGRELOAD_POLICY_ALL_OR_NOTHING, Policy::kAllOrNothing));

static_assert(Same(PLUGRELOAD_RELOAD_QUEUED, ReloadState::kQueued));
static_assert(Same(PLUGRELOAD_RELOAD_RUNNING, ReloadState::kRunning));
static_assert(Same(PLUGRELOAD_RELOAD_DRAINING, ReloadState::kDraining));
static_assert(Same(PLUGRELOAD_RELOAD_DONE, ReloadState::kDone));
static_assert(Same(PLUGRELOAD_RELOAD_FAILED, ReloadState::kFailed));
static_assert(Same(PLUGRELOAD_RELOAD_CANCELLED, ReloadState::kCancelled));
static_assert(Same(PLUGRELOAD_OUTCOME_PENDING, MountOutcome::kPending));
static_assert(Same(PLUGRELOAD_OUTCOME_RELOADED, MountOutcome::kReloaded));
static_assert(Same(PLUGRELOAD_OUTCOME_FAILED, MountOutcome::kFailed));
static_assert(Same(PLUGRELOAD_OUTCOME_SKIPPED, MountOutcome::kSkipped));
static_assert(Same(PLUGRELOAD_OUTCOME_CANCELLED, MountOutcome::kCancelled));
static_assert(Same(PLUGRELOAD_MOUNT_IDLE, MountState::kIdle));
static_assert(Same(PLUGRELOAD_MOUNT_STARTING, MountState::kStarting));
static_assert(Same(PLUGRELOAD_MOUNT_SERVING, MountState::kServing));
static_assert(Same(PLUGRELOAD_MOUNT_HELD, MountState::kHeld));
static_assert(Same(PLUGRELOAD_MOUNT_RESTARTING, MountState::kRestarting));
static_assert(Same(PLUGRELOAD_MOUNT_FAILED, MountState::kFailed));
static_assert(Same(PLUGRELOAD_MOUNT_REMOVED, MountState::kRemoved));

static_assert(Same(PLUGRELOAD_EVENT_INSTANCE_STARTED, EventKind::kInstanceStarted));
static_assert(Same(PLUGRELOAD_EVENT_INSTANCE_FAILED, EventKind::kInstanceFailed));
static_assert(Same(PLUGRELOAD_EVENT_INSTANCE_STOPPED, EventKind::kInstanceStopped));
static_assert(Same(PLUGRELOAD_EVENT_MOUNT_SERVING, EventKind::kMountServing));
static_assert(Same(PLUGRELOAD_EVENT_MOUNT_FAILED, EventKind::kMountFailed));
static_assert(Same(PLUGRELOAD_EVENT_RELOAD_STARTED, EventKind::kReloadStarted));
static_assert(Same(PLUGRELOAD_EVENT_RELOAD_DRAINING, EventKind::kReloadDraining));
static_assert(Same(PLUGRELOAD_EVENT_RELOAD_FINISHED, EventKind::kReloadFinished));
static_assert(Same(PLUGRELOAD_EVENT_EVENTS_LOST, EventKind::kEventsLost));

static_assert(Same(PLUGRELOAD_DENY, Decision::kDeny));
static_assert(Same(PLUGRELOAD_ALLOW, Decision::kAllow));
static_assert(Same(PLUGRELOAD_OPERATION_READ, Operation::kRead));
static_assert(Same(PLUGRELOAD_OPERATION_UPDATE, Operation::kUpdate));
static_assert(Same(PLUGRELOAD_OPERATION_DELETE, Operation::kDelete));
static_assert(Same(PLUGRELOAD_OPERATION_LIST, Operation::kList));
static_assert(Same(PLUGRELOAD_LOG_TRACE, LogLevel::kTrace));
static_assert(Same(PLUGRELOAD_LOG_DEBUG, LogLevel::kDebug));
static_assert(Same(PLUGRELOAD_LOG_INFO, LogLevel::kInfo));
static_assert(Same(PLUGRELOAD_LOG_WARN, LogLevel::kWarn));
static_assert(Same(PLUGRELOAD_LOG_ERROR, LogLevel::kError));

}  // namespace
}  // namespace plugreload::capi
