#include "guard.hpp"

#include <exception>
#include <new>
#include <string>

namespace plugreload::capi {
namespace {

// Of the thread, not of an engine: the core refuses in the callbacks of any runtime.
constinit thread_local int callback_depth = 0;

}  // namespace

CallbackScope::CallbackScope() { ++callback_depth; }
CallbackScope::~CallbackScope() { --callback_depth; }
bool CallbackScope::Inside() { return callback_depth != 0; }

plugreload_code Fail(const Status& status, plugreload_error** error) noexcept {
  if (error != nullptr) {
    try {
      *error = new plugreload_error(status);
    } catch (...) {
      *error = nullptr;
    }
  }
  return static_cast<plugreload_code>(status.code());
}

plugreload_code FailWithException(plugreload_error** error) noexcept {
  plugreload_code code = PLUGRELOAD_INTERNAL;
  try {
    try {
      throw;
    } catch (const std::bad_alloc&) {
      code = PLUGRELOAD_RESOURCE_EXHAUSTED;
      return Fail(Status(Code::kResourceExhausted, "out_of_memory",
                         "there was not enough memory; what was being done is not done"),
                  error);
    } catch (const std::exception& exception) {
      return Fail(Status(Code::kInternal, "exception",
                         std::string("an exception reached the C border: ") + exception.what()),
                  error);
    } catch (...) {
      return Fail(Status(Code::kInternal, "exception", "an exception reached the C border"), error);
    }
  } catch (...) {
    return code;  // no memory for the status
  }
}

Status Enter(const plugreload_engine* engine, Rule rule, const char* what) {
  if (engine == nullptr) {
    return Status(Code::kInvalidArgument, "null_argument",
                  std::string(what) + " was called with NULL as engine");
  }
  const Life life = engine->session->life();
  if (life == Life::kForked) {
    return Status(Code::kFailedPrecondition, "forked",
                  std::string(what) +
                      " was called in a forked copy of the process; open the "
                      "engine after the fork");
  }
  const bool after_close = rule == Rule::kAfterClose || rule == Rule::kNoCallbackAfterClose;
  if (life == Life::kClosed && !after_close) {
    return Status(Code::kFailedPrecondition, "closed",
                  std::string(what) + " was called after plugreload_engine_close");
  }
  const bool no_callback = rule == Rule::kNoCallback || rule == Rule::kNoCallbackAfterClose;
  if (no_callback && CallbackScope::Inside()) {
    return Status(Code::kFailedPrecondition, "in_callback",
                  std::string(what) +
                      " was called from a callback of the library, where it could "
                      "wait for itself; call it from another thread");
  }
  return {};
}

}  // namespace plugreload::capi
