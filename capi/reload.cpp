// Reloads: run, submit, find, wait, cancel, plan.
#include <memory>
#include <string>
#include <utility>

#include "guard.hpp"
#include "handles.hpp"
#include "input.hpp"

using plugreload::Code;
using plugreload::Millis;
using plugreload::PluginType;
using plugreload::Policy;
using plugreload::Reach;
using plugreload::ReloadReport;
using plugreload::ReloadRequest;
using plugreload::Runtime;
using plugreload::Scope;
using plugreload::Status;
using plugreload::capi::Call;
using plugreload::capi::Input;
using plugreload::capi::Rule;

namespace {

void ConvertTarget(const plugreload_request& given, Input& input, ReloadRequest* request) {
  auto plugin = input.Maybe(given.plugin, given.plugin_len, "plugin");
  if (plugin.has_value() == (given.mount_count != 0)) {
    input.Refuse("invalid_target", plugin ? "plugin and mounts are both given; give one of them"
                                          : "neither plugin nor mounts is given");
    return;
  }
  if (plugin) {
    request->target = plugreload::ByPlugin{
        input.Number(given.type, PluginType::kUnknown, PluginType::kSecret, "type"),
        *std::move(plugin)};
  } else {
    request->target = plugreload::ByMounts{
        input.Texts(given.mounts, given.mount_lens, given.mount_count, "mounts")};
  }
}

void ConvertPin(const plugreload_request& given, Input& input, ReloadRequest* request) {
  auto version = input.Maybe(given.pin_version, given.pin_version_len, "pin_version");
  const bool unpin = (given.flags & PLUGRELOAD_UNPIN) != 0;
  if (!version && !unpin) return;
  if (version && unpin) {
    return input.Refuse("invalid_pin", "pin_version and UNPIN are both given; give one of them");
  }
  const auto* plugin = std::get_if<plugreload::ByPlugin>(&request->target);
  if (plugin == nullptr || plugin->type == PluginType::kUnknown) {
    return input.Refuse("invalid_pin", "a pin needs the plugin and its type");
  }
  request->pin = plugreload::PluginRef{plugin->type, plugin->name, version.value_or("")};
}

ReloadRequest ConvertRequest(const plugreload_request& given, Input& input) {
  ReloadRequest request;
  ConvertTarget(given, input, &request);
  request.ns = input.Text(given.ns, given.ns_len, "ns");
  request.reach = input.Number(given.reach, Reach::kNamespace, Reach::kSubtree, "reach");
  request.scope = input.Number(given.scope, Scope::kLocal, Scope::kGlobal, "scope");
  request.order = input.OrderOf(given.order);
  request.policy = input.Number(given.policy, Policy::kBestEffort, Policy::kAllOrNothing, "policy");
  const auto time = [&](int64_t given_ms, Input::Negative negative, const char* name,
                        std::optional<Millis>* to) {
    if (given_ms != 0) input.Time(given_ms, negative, name, &to->emplace());
  };
  time(given.start_timeout_ms, Input::Negative::kRefused, "start_timeout_ms",
       &request.start_timeout);
  time(given.drain_timeout_ms, Input::Negative::kNone, "drain_timeout_ms", &request.drain_timeout);
  input.Flags(given.flags, PLUGRELOAD_FORCE | PLUGRELOAD_UNPIN);
  request.force = (given.flags & PLUGRELOAD_FORCE) != 0;
  request.reload_id = input.Text(given.reload_id, given.reload_id_len, "reload_id");
  request.strategy = input.Number(given.strategy, plugreload::Strategy::kAll,
                                  plugreload::Strategy::kRolling, "strategy");
  if (given.max_unavailable != 0) request.max_unavailable = given.max_unavailable;
  ConvertPin(given, input, &request);
  return request;
}

plugreload_report* Started(Runtime& runtime, const std::string& reload_id) {
  auto found = runtime.reloads().Find(reload_id);
  ReloadReport report;
  // Pushed out of a short history already, or the store is away: the id is what the caller needs.
  report.reload_id = reload_id;
  if (found.ok()) report = *std::move(found);
  return std::make_unique<plugreload_report>(std::move(report)).release();
}

}  // namespace

plugreload_code plugreload_reload_run(plugreload_engine* engine, const plugreload_request* request,
                                      plugreload_report** report, plugreload_error** error) {
  if (report != nullptr) *report = nullptr;
  const char* what = __func__;
  return Call(engine, Rule::kNoCallback, what, error, [&](Runtime& runtime) -> Status {
    Input input(what);
    const ReloadRequest wanted = ConvertRequest(input.Copy(request, "request"), input);
    input.Require(report, "report");
    if (!input.status().ok()) return input.status();
    auto done = runtime.reloads().Reload(wanted);
    if (!done.ok()) return done.status();
    *report = std::make_unique<plugreload_report>(*std::move(done)).release();
    return {};
  });
}

plugreload_code plugreload_reload_submit(plugreload_engine* engine,
                                         const plugreload_request* request,
                                         plugreload_report** report, plugreload_error** error) {
  if (report != nullptr) *report = nullptr;
  const char* what = __func__;
  return Call(engine, Rule::kNoCallback, what, error, [&](Runtime& runtime) -> Status {
    Input input(what);
    const ReloadRequest wanted = ConvertRequest(input.Copy(request, "request"), input);
    input.Require(report, "report");
    if (!input.status().ok()) return input.status();
    auto id = runtime.reloads().Submit(wanted);
    if (!id.ok()) return id.status();
    *report = Started(runtime, *id);
    return {};
  });
}

plugreload_code plugreload_reload_find(plugreload_engine* engine, const char* reload_id,
                                       size_t reload_id_len, plugreload_report** report,
                                       plugreload_error** error) {
  if (report != nullptr) *report = nullptr;
  const char* what = __func__;
  return Call(engine, Rule::kAny, what, error, [&](Runtime& runtime) -> Status {
    Input input(what);
    const auto id = input.View(reload_id, reload_id_len, "reload_id");
    input.Require(report, "report");
    if (!input.status().ok()) return input.status();
    auto found = runtime.reloads().Find(id);
    if (!found.ok()) return found.status();
    *report = std::make_unique<plugreload_report>(*std::move(found)).release();
    return {};
  });
}

plugreload_code plugreload_reload_wait(plugreload_engine* engine, const char* reload_id,
                                       size_t reload_id_len, int64_t timeout_ms,
                                       plugreload_report** report, plugreload_error** error) {
  if (report != nullptr) *report = nullptr;
  const char* what = __func__;
  return Call(engine, Rule::kNoCallback, what, error, [&](Runtime& runtime) -> Status {
    Input input(what);
    const auto id = input.View(reload_id, reload_id_len, "reload_id");
    const auto deadline = input.Until(timeout_ms);
    input.Require(report, "report");
    if (!input.status().ok()) return input.status();
    auto ended = runtime.reloads().Wait(id, deadline);
    if (!ended.ok()) return ended.status();
    *report = std::make_unique<plugreload_report>(*std::move(ended)).release();
    return {};
  });
}

plugreload_code plugreload_reload_cancel(plugreload_engine* engine, const char* reload_id,
                                         size_t reload_id_len, plugreload_error** error) {
  const char* what = __func__;
  return Call(engine, Rule::kNoCallback, what, error, [&](Runtime& runtime) -> Status {
    Input input(what);
    const auto id = input.View(reload_id, reload_id_len, "reload_id");
    if (!input.status().ok()) return input.status();
    return runtime.reloads().Cancel(id);
  });
}

plugreload_code plugreload_reload_rollback(plugreload_engine* engine, const char* reload_id,
                                           size_t reload_id_len, plugreload_report** report,
                                           plugreload_error** error) {
  if (report != nullptr) *report = nullptr;
  const char* what = __func__;
  return Call(engine, Rule::kNoCallback, what, error, [&](Runtime& runtime) -> Status {
    Input input(what);
    const auto id = input.View(reload_id, reload_id_len, "reload_id");
    input.Require(report, "report");
    if (!input.status().ok()) return input.status();
    const auto started = runtime.reloads().Rollback(id);
    if (!started.ok()) return started.status();
    *report = Started(runtime, *started);
    return {};
  });
}

plugreload_code plugreload_reload_plan(plugreload_engine* engine, const plugreload_request* request,
                                       plugreload_plan** plan, plugreload_error** error) {
  if (plan != nullptr) *plan = nullptr;
  const char* what = __func__;
  return Call(engine, Rule::kNoCallback, what, error, [&](Runtime& runtime) -> Status {
    Input input(what);
    const ReloadRequest wanted = ConvertRequest(input.Copy(request, "request"), input);
    input.Require(plan, "plan");
    if (!input.status().ok()) return input.status();
    auto planned = runtime.reloads().Plan(wanted);
    if (!planned.ok()) return planned.status();
    *plan = std::make_unique<plugreload_plan>(*std::move(planned)).release();
    return {};
  });
}
