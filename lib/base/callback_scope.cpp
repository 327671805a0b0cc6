#include "base/callback_scope.hpp"

#include <string>

namespace plugreload::internal {

constinit thread_local int callback_depth = 0;

Status RefuseInCallback(const char* what) {
  if (callback_depth == 0) return {};
  return Status(Code::kFailedPrecondition, "in_callback",
                std::string(what) +
                    " was called from a callback of the library, where it could "
                    "wait for itself; call it from another thread");
}

}  // namespace plugreload::internal
