// plugreload_engine: open, wait, close, free.
#include <memory>
#include <utility>

#include "guard.hpp"
#include "handles.hpp"
#include "input.hpp"
#include "options.hpp"

using plugreload::Millis;
using plugreload::Runtime;
using plugreload::Status;
using plugreload::capi::Call;
using plugreload::capi::CallbackScope;
using plugreload::capi::Guard;
using plugreload::capi::Input;
using plugreload::capi::Life;
using plugreload::capi::Rule;
using plugreload::capi::Session;

namespace {

constexpr std::size_t kDefaultMaxEvents = 1024;
constexpr Millis kDefaultReadyTimeout{90'000};
constexpr Millis kDefaultCloseTimeout{30'000};

}  // namespace

plugreload_code plugreload_engine_open(const plugreload_options* options,
                                       plugreload_engine** engine, plugreload_error** error) {
  if (engine != nullptr) *engine = nullptr;
  const char* what = __func__;
  return Guard(error, [&]() -> Status {
    Input input(what);
    plugreload_options given{};
    if (options != nullptr) given = input.Copy(options, "options");
    plugreload::RuntimeOptions converted;
    // Nothing that may fail stands before the tables are taken.
    auto session = Session::Create(given.max_events == 0 ? kDefaultMaxEvents : given.max_events);
    if (!session.ok()) {
      plugreload::capi::DropTables(given);
      return session.status();
    }
    plugreload::capi::TakeTables(given, *session, input, &converted);
    plugreload::RuntimeOptions texts = plugreload::capi::ConvertOptions(given, input);
    texts.host = std::move(converted.host);
    texts.launchers = std::move(converted.launchers);
    texts.store = std::move(converted.store);
    input.Require(engine, "engine");
    if (!input.status().ok()) return input.status();

    auto made = std::make_unique<plugreload_engine>();
    made->session = *session;
    made->refuse_deregister_in_use = texts.refuse_deregister_in_use;
    auto runtime = Runtime::Create(std::move(texts));
    if (!runtime.ok()) return runtime.status();
    made->runtime = *std::move(runtime);
    *engine = made.release();
    return {};
  });
}

plugreload_code plugreload_engine_wait_ready(plugreload_engine* engine, int64_t timeout_ms,
                                             plugreload_error** error) {
  const char* what = __func__;
  return Call(engine, Rule::kNoCallback, what, error, [&](Runtime& runtime) -> Status {
    Input input(what);
    const auto deadline = input.Until(timeout_ms, kDefaultReadyTimeout);
    if (!input.status().ok()) return input.status();
    return runtime.WaitReady(deadline);
  });
}

plugreload_code plugreload_engine_close(plugreload_engine* engine, int64_t timeout_ms,
                                        plugreload_error** error) {
  const char* what = __func__;
  return Call(engine, Rule::kNoCallbackAfterClose, what, error, [&](Runtime& runtime) -> Status {
    Input input(what);
    const auto deadline = input.Until(timeout_ms, kDefaultCloseTimeout);
    if (!input.status().ok()) return input.status();
    engine->session->Close();
    return runtime.Close(deadline);
  });
}

void plugreload_engine_free(plugreload_engine* engine) {
  if (engine == nullptr || CallbackScope::Inside()) return;
  // The threads that the destructor would wait for are the parent's.
  if (engine->session->life() == Life::kForked) return;
  engine->session->Close();
  delete engine;
}
