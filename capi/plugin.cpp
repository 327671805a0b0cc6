// The catalog: register, deregister, pin, unpin.
#include <string>
#include <utility>

#include "guard.hpp"
#include "handles.hpp"
#include "input.hpp"

using plugreload::Code;
using plugreload::Image;
using plugreload::Order;
using plugreload::PluginRef;
using plugreload::PluginSpec;
using plugreload::PluginType;
using plugreload::Runtime;
using plugreload::Sharing;
using plugreload::Status;
using plugreload::capi::Call;
using plugreload::capi::Input;
using plugreload::capi::Rule;

namespace {

PluginType TypeOf(int32_t type, Input& input) {
  return input.Number(type, PluginType::kAuth, PluginType::kSecret, "type");
}

PluginRef RefOf(int32_t type, const char* name, size_t name_len, const char* version,
                size_t version_len, Input& input) {
  return PluginRef{TypeOf(type, input), input.Text(name, name_len, "name"),
                   input.Text(version, version_len, "version")};
}

void ConvertHandshake(const plugreload_plugin& given, Input& input, PluginSpec* spec) {
  auto key = input.Maybe(given.cookie_key, given.cookie_key_len, "cookie_key");
  auto value = input.Maybe(given.cookie_value, given.cookie_value_len, "cookie_value");
  auto versions =
      input.Numbers(given.protocol_versions, given.protocol_version_count, "protocol_versions");
  if (!key && !value && versions.empty()) return;
  if (!key || !value || versions.empty()) {
    input.Refuse("invalid_handshake",
                 "cookie_key, cookie_value and protocol_versions are given together or not at all");
    return;
  }
  spec->handshake = plugreload::Handshake{*std::move(key), *std::move(value), std::move(versions)};
}

void ConvertTimeouts(const plugreload_plugin& given, Input& input,
                     plugreload::PluginTimeouts* timeouts) {
  constexpr auto kNone = Input::Negative::kNone;
  input.Time(given.start_timeout_ms, kNone, "start_timeout_ms", &timeouts->start);
  input.Time(given.attach_timeout_ms, kNone, "attach_timeout_ms", &timeouts->attach);
  input.Time(given.drain_timeout_ms, kNone, "drain_timeout_ms", &timeouts->drain);
  input.Time(given.graceful_timeout_ms, kNone, "graceful_timeout_ms", &timeouts->graceful);
  input.Time(given.terminate_timeout_ms, kNone, "terminate_timeout_ms", &timeouts->terminate);
  input.Time(given.kill_timeout_ms, kNone, "kill_timeout_ms", &timeouts->kill);
}

PluginSpec ConvertPlugin(const plugreload_plugin& given, Input& input) {
  PluginSpec spec;
  spec.ref = RefOf(given.type, given.name, given.name_len, given.version, given.version_len, input);
  spec.image = input.Number(given.image, Image::kSealed, Image::kInPlace, "image");
  spec.sharing = input.Number(given.sharing, Sharing::kMount, Sharing::kGlobal, "sharing");
  spec.order = input.OrderOf(given.order).value_or(Order::kStartFirst);
  if (auto launcher = input.Maybe(given.launcher, given.launcher_len, "launcher")) {
    spec.launcher = *std::move(launcher);
  }
  spec.command = input.Text(given.command, given.command_len, "command");
  spec.args = input.Texts(given.args, given.arg_lens, given.arg_count, "args");
  spec.env = input.Texts(given.env, given.env_lens, given.env_count, "env");
  spec.sha256 = input.Text(given.sha256, given.sha256_len, "sha256");
  if (given.protocols != nullptr) {
    spec.protocols =
        input.Texts(given.protocols, given.protocol_lens, given.protocol_count, "protocols");
  }
  ConvertHandshake(given, input, &spec);
  ConvertTimeouts(given, input, &spec.timeouts);
  return spec;
}

}  // namespace

plugreload_code plugreload_plugin_register(plugreload_engine* engine,
                                           const plugreload_plugin* plugin, int64_t timeout_ms,
                                           plugreload_error** error) {
  const char* what = __func__;
  return Call(engine, Rule::kNoCallback, what, error, [&](Runtime& runtime) -> Status {
    Input input(what);
    PluginSpec spec = ConvertPlugin(input.Copy(plugin, "plugin"), input);
    const auto deadline = input.Until(timeout_ms);
    if (!input.status().ok()) return input.status();
    return runtime.registry().Register(std::move(spec), deadline);
  });
}

plugreload_code plugreload_plugin_deregister(plugreload_engine* engine, int32_t type,
                                             const char* name, size_t name_len, const char* version,
                                             size_t version_len, int64_t timeout_ms,
                                             plugreload_error** error) {
  const char* what = __func__;
  return Call(engine, Rule::kNoCallback, what, error, [&](Runtime& runtime) -> Status {
    Input input(what);
    PluginRef ref = RefOf(type, name, name_len, version, version_len, input);
    const auto deadline = input.Until(timeout_ms);
    if (!input.status().ok()) return input.status();
    if (engine->refuse_deregister_in_use) {
      if (!ref.version.empty()) {
        auto canonical = plugreload::CanonicalVersion(ref.version);
        if (!canonical.ok()) return canonical.status();
        ref.version = *std::move(canonical);
      }
      const auto mounts = runtime.reloads().InUse(ref);
      if (!mounts.empty()) {
        return Status(Code::kFailedPrecondition, "version_in_use",
                      "plugin " + ref.name + " " + ref.version + " is used by " +
                          std::to_string(mounts.size()) + " mounts, one is \"" + mounts.front().ns +
                          mounts.front().path + "\": move them to another version first");
      }
    }
    return runtime.registry().Deregister(ref, deadline);
  });
}

plugreload_code plugreload_plugin_pin(plugreload_engine* engine, int32_t type, const char* name,
                                      size_t name_len, const char* version, size_t version_len,
                                      int64_t timeout_ms, plugreload_error** error) {
  const char* what = __func__;
  return Call(engine, Rule::kNoCallback, what, error, [&](Runtime& runtime) -> Status {
    Input input(what);
    const PluginRef ref = RefOf(type, name, name_len, version, version_len, input);
    const auto deadline = input.Until(timeout_ms);
    if (!input.status().ok()) return input.status();
    return runtime.registry().SetPin(ref, deadline);
  });
}

plugreload_code plugreload_plugin_unpin(plugreload_engine* engine, int32_t type, const char* name,
                                        size_t name_len, int64_t timeout_ms,
                                        plugreload_error** error) {
  const char* what = __func__;
  return Call(engine, Rule::kNoCallback, what, error, [&](Runtime& runtime) -> Status {
    Input input(what);
    const PluginType checked = TypeOf(type, input);
    const std::string_view text = input.View(name, name_len, "name");
    const auto deadline = input.Until(timeout_ms);
    if (!input.status().ok()) return input.status();
    return runtime.registry().Unpin(checked, text, deadline);
  });
}
