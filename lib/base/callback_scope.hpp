// base/callback_scope.hpp - knows whether the calling thread is inside a call into the host.
#ifndef PLUGRELOAD_BASE_CALLBACK_SCOPE_HPP_
#define PLUGRELOAD_BASE_CALLBACK_SCOPE_HPP_

#include "plugreload/status.hpp"

namespace plugreload::internal {

extern constinit thread_local int callback_depth;

// Around every call of a host's method or launcher.
class CallbackScope {
 public:
  CallbackScope() { ++callback_depth; }
  ~CallbackScope() { --callback_depth; }
  CallbackScope(const CallbackScope&) = delete;
  CallbackScope& operator=(const CallbackScope&) = delete;
};

// kFailedPrecondition "in_callback" inside one: `what` would wait for work that waits for us.
Status RefuseInCallback(const char* what);

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_BASE_CALLBACK_SCOPE_HPP_
