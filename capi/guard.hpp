// guard.hpp - the border: exceptions and statuses become codes, misuse is refused.
#ifndef PLUGRELOAD_CAPI_GUARD_HPP_
#define PLUGRELOAD_CAPI_GUARD_HPP_

#include <utility>

#include "handles.hpp"
#include "plugreload/plugreload.h"
#include "plugreload/status.hpp"

namespace plugreload::capi {

// Around every call of a function of the host.
class CallbackScope {
 public:
  CallbackScope();
  ~CallbackScope();
  CallbackScope(const CallbackScope&) = delete;
  CallbackScope& operator=(const CallbackScope&) = delete;

  static bool Inside();
};

// Calls the host. It must not throw; if it does, that ends here and means `thrown`.
template <typename Value, typename Body>
Value CallHost(Value thrown, Body&& body) noexcept {
  const CallbackScope scope;
  try {
    return std::forward<Body>(body)();
  } catch (...) {
    return thrown;
  }
}

// The code of a failure; its error object where one is wanted and memory allows.
plugreload_code Fail(const Status& status, plugreload_error** error) noexcept;
// The same of the exception that is being handled.
plugreload_code FailWithException(plugreload_error** error) noexcept;

// Carries out the body of a function that takes no engine.
template <typename Body>
plugreload_code Guard(plugreload_error** error, Body&& body) noexcept {
  if (error != nullptr) *error = nullptr;
  try {
    const Status status = std::forward<Body>(body)();
    return status.ok() ? PLUGRELOAD_OK : Fail(status, error);
  } catch (...) {
    return FailWithException(error);
  }
}

enum class Rule {
  kAny,
  kNoCallback,
  kAfterClose,  // any, and still answered when the engine is closed
  kNoCallbackAfterClose,
};

// Whether `what` may act on this engine now.
Status Enter(const plugreload_engine* engine, Rule rule, const char* what);

// Carries out the body of a function of an engine: body(Runtime&) -> Status.
template <typename Body>
plugreload_code Call(plugreload_engine* engine, Rule rule, const char* what,
                     plugreload_error** error, Body&& body) noexcept {
  return Guard(error, [&]() -> Status {
    if (Status refused = Enter(engine, rule, what); !refused.ok()) return refused;
    return std::forward<Body>(body)(*engine->runtime);
  });
}

}  // namespace plugreload::capi

#endif  // PLUGRELOAD_CAPI_GUARD_HPP_
