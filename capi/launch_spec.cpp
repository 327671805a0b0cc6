// plugreload_launch for launchers that run a program: how, where its end is told, what it is.
#include <array>
#include <cstdint>
#include <iterator>
#include <new>
#include <utility>

#include "guard.hpp"
#include "handles.hpp"
#include "input.hpp"
#include "output.hpp"

using plugreload::Code;
using plugreload::Handshake;
using plugreload::InstanceExit;
using plugreload::LaunchSpec;
using plugreload::Millis;
using plugreload::MountEntry;
using plugreload::PluginSpec;
using plugreload::PluginTimeouts;
using plugreload::PluginType;
using plugreload::Status;
using plugreload::capi::At;
using plugreload::capi::Count;
using plugreload::capi::Field;
using plugreload::capi::Guard;
using plugreload::capi::Input;
using plugreload::capi::Out;
using plugreload::capi::SpecOf;
using plugreload::capi::ValueOf;

namespace {

const PluginSpec* Plugin(const plugreload_launch* launch) {
  return Field(SpecOf(launch), &LaunchSpec::plugin);
}
const Handshake* HandshakeOf(const plugreload_launch* launch) {
  return Field(SpecOf(launch), &LaunchSpec::handshake);
}

using Option = std::pair<const std::string, std::string>;
const Option* OptionAt(const plugreload_launch* launch, size_t index) {
  if (index >= plugreload_launch_option_count(launch)) return nullptr;
  return &*std::next(launch->spec.mount.options.begin(), static_cast<std::ptrdiff_t>(index));
}

// By PLUGRELOAD_TIMEOUT_.
constexpr std::array<Millis PluginTimeouts::*, 6> kTimeouts = {
    &PluginTimeouts::start,    &PluginTimeouts::attach,    &PluginTimeouts::drain,
    &PluginTimeouts::graceful, &PluginTimeouts::terminate, &PluginTimeouts::kill};

}  // namespace

size_t plugreload_launch_option_count(const plugreload_launch* launch) {
  return launch == nullptr ? 0 : launch->spec.mount.options.size();
}
const char* plugreload_launch_option_key(const plugreload_launch* launch, size_t index,
                                         size_t* len) {
  return Out(Field(OptionAt(launch, index), &Option::first), len);
}
const char* plugreload_launch_option_value(const plugreload_launch* launch, size_t index,
                                           size_t* len) {
  return Out(Field(OptionAt(launch, index), &Option::second), len);
}
const char* plugreload_launch_accessor(const plugreload_launch* launch, size_t* len) {
  return Out(Field(SpecOf(launch), &LaunchSpec::mount, &MountEntry::accessor), len);
}

size_t plugreload_launch_env_count(const plugreload_launch* launch) {
  return Count(Field(Plugin(launch), &PluginSpec::env));
}
const char* plugreload_launch_env(const plugreload_launch* launch, size_t index, size_t* len) {
  return Out(At(Field(Plugin(launch), &PluginSpec::env), index), len);
}
const char* plugreload_launch_sha256(const plugreload_launch* launch, size_t* len) {
  return Out(Field(Plugin(launch), &PluginSpec::sha256), len);
}
int32_t plugreload_launch_image(const plugreload_launch* launch) {
  return static_cast<int32_t>(ValueOf(Field(Plugin(launch), &PluginSpec::image)));
}
int32_t plugreload_launch_sharing(const plugreload_launch* launch) {
  return static_cast<int32_t>(ValueOf(Field(Plugin(launch), &PluginSpec::sharing)));
}
int32_t plugreload_launch_own_handshake(const plugreload_launch* launch) {
  return launch != nullptr && launch->spec.plugin.handshake.has_value();
}
const char* plugreload_launch_cookie_key(const plugreload_launch* launch, size_t* len) {
  return Out(Field(HandshakeOf(launch), &Handshake::cookie_key), len);
}
const char* plugreload_launch_cookie_value(const plugreload_launch* launch, size_t* len) {
  return Out(Field(HandshakeOf(launch), &Handshake::cookie_value), len);
}
size_t plugreload_launch_protocol_version_count(const plugreload_launch* launch) {
  return Count(Field(HandshakeOf(launch), &Handshake::protocol_versions));
}
int32_t plugreload_launch_protocol_version(const plugreload_launch* launch, size_t index) {
  return ValueOf(At(Field(HandshakeOf(launch), &Handshake::protocol_versions), index));
}
int64_t plugreload_launch_timeout_ms(const plugreload_launch* launch, int32_t which) {
  if (launch == nullptr || which < 0 || static_cast<size_t>(which) >= kTimeouts.size()) return 0;
  return (launch->spec.plugin.timeouts.*kTimeouts.at(static_cast<size_t>(which))).count();
}

void plugreload_launch_on_cancel(plugreload_launch* launch, plugreload_cancel_fn cancel,
                                 void* context) {
  if (launch == nullptr || launch->context == nullptr) return;
  launch->cancel.reset();
  if (cancel == nullptr) return;
  Guard(nullptr, [&]() -> Status {
    launch->cancel = std::make_unique<plugreload_launch::Cancel>(
        launch->context->cancel, [cancel, context] { cancel(context); });
    return {};
  });
}

void plugreload_launch_set_process(plugreload_launch* launch, int64_t pid, int32_t protocol_version,
                                   int32_t sealed) {
  if (launch == nullptr || launch->exit == nullptr) return;
  launch->info.pid = pid;
  launch->info.protocol_version = protocol_version;
  launch->info.sealed = sealed != 0;
}

plugreload_exit* plugreload_launch_exit(plugreload_launch* launch) {
  if (launch == nullptr || launch->exit == nullptr) return nullptr;
  return new (std::nothrow) plugreload_exit{launch->exit};
}
void plugreload_exit_tell(plugreload_exit* exit, int32_t how, int32_t number, const char* detail,
                          size_t detail_len) {
  if (exit == nullptr) return;
  Guard(nullptr, [&]() -> Status {
    Input input("plugreload_exit_tell");
    InstanceExit told;
    told.detail = input.Text(detail, detail_len, "detail");
    if (how == PLUGRELOAD_EXIT_CODE) told.exit_code = number;
    if (how == PLUGRELOAD_EXIT_SIGNAL) told.signal = number;
    exit->gate->Tell(told);
    return {};
  });
}
void plugreload_exit_free(plugreload_exit* exit) { delete exit; }

plugreload_code plugreload_launch_set_facts(plugreload_launch* launch,
                                            const plugreload_facts* facts) {
  return Guard(nullptr, [&]() -> Status {
    Input input("plugreload_launch_set_facts");
    if (!input.Require(launch, "launch")) return input.status();
    if (launch->facts == nullptr) {
      return Status(Code::kFailedPrecondition, "not_in_inspect", "only inspect says what it is");
    }
    const auto given = input.Copy(facts, "facts");
    plugreload::PluginFacts told;
    told.type = input.Number(given.type, PluginType::kUnknown, PluginType::kSecret, "type");
    told.version = input.Text(given.version, given.version_len, "version");
    input.Flags(given.flags, 0);
    Handshake handshake;
    handshake.cookie_key = input.Text(given.cookie_key, given.cookie_key_len, "cookie_key");
    handshake.cookie_value = input.Text(given.cookie_value, given.cookie_value_len, "cookie_value");
    handshake.protocol_versions =
        input.Numbers(given.protocol_versions, given.protocol_version_count, "protocol_versions");
    if (!handshake.cookie_key.empty()) told.handshake = std::move(handshake);
    told.env = input.Texts(given.env, given.env_lens, given.env_count, "env");
    if (!input.status().ok()) return input.status();
    *launch->facts = std::move(told);
    return {};
  });
}
