// plugreload_launch: what start and attach are told, and what they answer.
#include <chrono>
#include <cstdint>
#include <utility>

#include "guard.hpp"
#include "handles.hpp"
#include "input.hpp"
#include "output.hpp"

using plugreload::Code;
using plugreload::InstanceInfo;
using plugreload::LaunchSpec;
using plugreload::MountEntry;
using plugreload::PluginRef;
using plugreload::PluginSpec;
using plugreload::Status;
using plugreload::capi::At;
using plugreload::capi::Count;
using plugreload::capi::Field;
using plugreload::capi::Find;
using plugreload::capi::Guard;
using plugreload::capi::Input;
using plugreload::capi::Out;
using plugreload::capi::SpecOf;
using plugreload::capi::ValueOf;

namespace {

const PluginRef* Ref(const plugreload_launch* launch) {
  return Field(SpecOf(launch), &LaunchSpec::plugin, &PluginSpec::ref);
}
const MountEntry* Mount(const plugreload_launch* launch) {
  return Field(SpecOf(launch), &LaunchSpec::mount);
}

}  // namespace

int32_t plugreload_launch_type(const plugreload_launch* launch) {
  return static_cast<int32_t>(ValueOf(Field(Ref(launch), &PluginRef::type)));
}
const char* plugreload_launch_plugin(const plugreload_launch* launch, size_t* len) {
  return Out(Field(Ref(launch), &PluginRef::name), len);
}
const char* plugreload_launch_version(const plugreload_launch* launch, size_t* len) {
  return Out(Field(Ref(launch), &PluginRef::version), len);
}
const char* plugreload_launch_command(const plugreload_launch* launch, size_t* len) {
  return Out(Field(SpecOf(launch), &LaunchSpec::command), len);
}
size_t plugreload_launch_arg_count(const plugreload_launch* launch) {
  return Count(Field(SpecOf(launch), &LaunchSpec::plugin, &PluginSpec::args));
}
const char* plugreload_launch_arg(const plugreload_launch* launch, size_t index, size_t* len) {
  return Out(At(Field(SpecOf(launch), &LaunchSpec::plugin, &PluginSpec::args), index), len);
}
const char* plugreload_launch_instance(const plugreload_launch* launch, size_t* len) {
  return Out(Field(SpecOf(launch), &LaunchSpec::instance), len);
}
const char* plugreload_launch_namespace(const plugreload_launch* launch, size_t* len) {
  return Out(Field(Mount(launch), &MountEntry::ns), len);
}
const char* plugreload_launch_mount_path(const plugreload_launch* launch, size_t* len) {
  return Out(Field(Mount(launch), &MountEntry::path), len);
}
const char* plugreload_launch_option(const plugreload_launch* launch, const char* key,
                                     size_t key_len, size_t* len) {
  if (launch != nullptr) return Find(launch->spec.mount.options, key, key_len, len);
  if (len != nullptr) *len = 0;
  return nullptr;
}

int64_t plugreload_launch_remaining_ms(const plugreload_launch* launch) {
  if (launch == nullptr) return 0;
  const auto left =
      std::chrono::ceil<plugreload::Millis>(launch->deadline - std::chrono::steady_clock::now());
  return left.count() < 0 ? 0 : left.count();
}
int32_t plugreload_launch_cancelled(const plugreload_launch* launch) {
  return launch != nullptr && launch->context != nullptr &&
         launch->context->cancel.stop_requested();
}

const char* plugreload_launch_endpoint(const plugreload_launch* launch, size_t* len) {
  return Out(Field(launch, &plugreload_launch::info, &InstanceInfo::endpoint), len);
}
const char* plugreload_launch_protocol(const plugreload_launch* launch, size_t* len) {
  return Out(Field(launch, &plugreload_launch::info, &InstanceInfo::protocol), len);
}
void* plugreload_launch_object(const plugreload_launch* launch) {
  return launch == nullptr ? nullptr : launch->info.object;
}

void plugreload_launch_set_object(plugreload_launch* launch, void* object) {
  if (launch != nullptr && launch->context != nullptr) launch->info.object = object;
}

plugreload_code plugreload_launch_set_endpoint(plugreload_launch* launch, const char* endpoint,
                                               size_t endpoint_len, const char* protocol,
                                               size_t protocol_len) {
  return Guard(nullptr, [&]() -> Status {
    Input input("plugreload_launch_set_endpoint");
    if (!input.Require(launch, "launch")) return input.status();
    if (launch->context == nullptr) {
      return Status(Code::kFailedPrecondition, "not_in_start", "only start says where it serves");
    }
    auto where = input.Text(endpoint, endpoint_len, "endpoint");
    auto what = input.Text(protocol, protocol_len, "protocol");
    if (!input.status().ok()) return input.status();
    launch->info.endpoint = std::move(where);
    launch->info.protocol = std::move(what);
    return {};
  });
}

plugreload_code plugreload_launch_set_error(plugreload_launch* launch, const char* reason,
                                            size_t reason_len, const char* message,
                                            size_t message_len) {
  return Guard(nullptr, [&]() -> Status {
    Input input("plugreload_launch_set_error");
    if (!input.Require(launch, "launch")) return input.status();
    auto word = input.Text(reason, reason_len, "reason");
    auto text = input.Text(message, message_len, "message");
    if (!input.status().ok()) return input.status();
    launch->reason = std::move(word);
    launch->message = std::move(text);
    return {};
  });
}
