// plugreload_lease: a PluginLease in the caller's storage.
#include <cstdint>
#include <cstring>
#include <new>
#include <utility>

#include "guard.hpp"
#include "handles.hpp"
#include "input.hpp"
#include "output.hpp"

using plugreload::InstanceInfo;
using plugreload::Millis;
using plugreload::MountEntry;
using plugreload::PluginLease;
using plugreload::Runtime;
using plugreload::Status;
using plugreload::capi::Call;
using plugreload::capi::CallbackScope;
using plugreload::capi::Fail;
using plugreload::capi::FailWithException;
using plugreload::capi::Field;
using plugreload::capi::Find;
using plugreload::capi::Input;
using plugreload::capi::Life;
using plugreload::capi::Out;
using plugreload::capi::Rule;
using plugreload::capi::ValueOf;

namespace {

// The first word tells that the others are a lease; storage that was never written is not taken for
// one. The lease refers to nothing inside itself, which is why the storage may be moved by memcpy.
constexpr std::uint64_t kHeld = 0x706c75676c656173;

static_assert(sizeof(std::uint64_t) + sizeof(PluginLease) <= sizeof(plugreload_lease));
static_assert(alignof(PluginLease) <= alignof(plugreload_lease));

PluginLease* Held(plugreload_lease* lease) {
  if (lease == nullptr || lease->opaque[0] != kHeld) return nullptr;
  return std::launder(reinterpret_cast<PluginLease*>(&lease->opaque[1]));
}
const PluginLease* Held(const plugreload_lease* lease) {
  return Held(const_cast<plugreload_lease*>(lease));
}

const MountEntry* Entry(const plugreload_lease* lease) {
  const PluginLease* held = Held(lease);
  return held == nullptr ? nullptr : &held->mount();
}
const InstanceInfo* Info(const plugreload_lease* lease) {
  const PluginLease* held = Held(lease);
  return held == nullptr ? nullptr : &held->instance();
}

plugreload_code AcquireChecked(plugreload_engine* engine, const char* ns, size_t ns_len,
                               const char* path, size_t path_len, int64_t timeout_ms,
                               plugreload_lease* lease, plugreload_error** error) {
  if (lease != nullptr) std::memset(lease, 0, sizeof *lease);
  const char* what = "plugreload_lease_acquire";
  const Rule rule = timeout_ms == 0 ? Rule::kAny : Rule::kNoCallback;
  return Call(engine, rule, what, error, [&](Runtime& runtime) -> Status {
    Input input(what);
    const auto in = input.View(ns, ns_len, "ns");
    const auto at = input.View(path, path_len, "path");
    const auto timeout = input.Timeout(timeout_ms, plugreload::kDefaultMutationTimeout);
    input.Require(lease, "lease");
    if (!input.status().ok()) return input.status();
    auto taken = runtime.reloads().Acquire(in, at, timeout);
    if (!taken.ok()) return taken.status();
    new (&lease->opaque[1]) PluginLease(*std::move(taken));
    lease->opaque[0] = kHeld;
    return {};
  });
}

// A text of the caller's that needs no words about it.
bool Plain(const char* data, size_t len) { return data != nullptr || len == 0; }
std::string_view View(const char* data, size_t len) {
  return {data, len == PLUGRELOAD_NTS ? std::strlen(data) : len};
}

}  // namespace

// Requests take leases: nothing is made ready for mistakes that this call does not make.
plugreload_code plugreload_lease_acquire(plugreload_engine* engine, const char* ns, size_t ns_len,
                                         const char* path, size_t path_len, int64_t timeout_ms,
                                         plugreload_lease* lease, plugreload_error** error) {
  const bool plain = engine != nullptr && lease != nullptr && Plain(ns, ns_len) &&
                     Plain(path, path_len) && timeout_ms >= 0 &&
                     engine->session->life() == Life::kOpen &&
                     (timeout_ms == 0 || !CallbackScope::Inside());
  if (!plain) [[unlikely]]
    return AcquireChecked(engine, ns, ns_len, path, path_len, timeout_ms, lease, error);
  if (error != nullptr) *error = nullptr;
  try {
    auto* const taken = new (&lease->opaque[1]) PluginLease;
    const Status status = engine->runtime->reloads().Acquire(View(ns, ns_len), View(path, path_len),
                                                             Millis(timeout_ms), taken);
    if (status.ok()) [[likely]] {
      lease->opaque[0] = kHeld;
      return PLUGRELOAD_OK;
    }
    std::memset(lease, 0, sizeof *lease);
    return Fail(status, error);
  } catch (...) {
    std::memset(lease, 0, sizeof *lease);
    return FailWithException(error);
  }
}

void plugreload_lease_release(plugreload_lease* lease) {
  PluginLease* held = Held(lease);
  if (held == nullptr) return;
  held->~PluginLease();
  lease->opaque[0] = 0;
}

void plugreload_lease_tag(plugreload_lease* lease, const char* tag, size_t tag_len) {
  PluginLease* held = Held(lease);
  if (held == nullptr || tag == nullptr) return;
  held->Tag(tag_len == PLUGRELOAD_NTS ? std::string_view(tag) : std::string_view(tag, tag_len));
}

const char* plugreload_lease_namespace(const plugreload_lease* lease, size_t* len) {
  return Out(Field(Entry(lease), &MountEntry::ns), len);
}
const char* plugreload_lease_mount_path(const plugreload_lease* lease, size_t* len) {
  return Out(Field(Entry(lease), &MountEntry::path), len);
}
const char* plugreload_lease_rest(const plugreload_lease* lease, size_t* len) {
  const PluginLease* held = Held(lease);
  return Out(held == nullptr ? std::string_view() : held->rest(), len);
}
const char* plugreload_lease_plugin(const plugreload_lease* lease, size_t* len) {
  return Out(Field(Entry(lease), &MountEntry::plugin), len);
}
const char* plugreload_lease_version(const plugreload_lease* lease, size_t* len) {
  const PluginLease* held = Held(lease);
  return Out(held == nullptr ? std::string_view() : held->version(), len);
}
const char* plugreload_lease_instance(const plugreload_lease* lease, size_t* len) {
  const PluginLease* held = Held(lease);
  return Out(held == nullptr ? std::string_view() : held->instance_name(), len);
}
const char* plugreload_lease_endpoint(const plugreload_lease* lease, size_t* len) {
  return Out(Field(Info(lease), &InstanceInfo::endpoint), len);
}
const char* plugreload_lease_protocol(const plugreload_lease* lease, size_t* len) {
  return Out(Field(Info(lease), &InstanceInfo::protocol), len);
}
int32_t plugreload_lease_protocol_version(const plugreload_lease* lease) {
  return ValueOf(Field(Info(lease), &InstanceInfo::protocol_version));
}
uint64_t plugreload_lease_generation(const plugreload_lease* lease) {
  const PluginLease* held = Held(lease);
  return held == nullptr ? 0 : held->generation();
}
int64_t plugreload_lease_pid(const plugreload_lease* lease) {
  return ValueOf(Field(Info(lease), &InstanceInfo::pid));
}
void* plugreload_lease_attached(const plugreload_lease* lease) {
  const PluginLease* held = Held(lease);
  return held == nullptr ? nullptr : held->attached();
}
void* plugreload_lease_object(const plugreload_lease* lease) {
  return ValueOf(Field(Info(lease), &InstanceInfo::object));
}
const char* plugreload_lease_option(const plugreload_lease* lease, const char* key, size_t key_len,
                                    size_t* len) {
  const MountEntry* entry = Entry(lease);
  if (entry != nullptr) return Find(entry->options, key, key_len, len);
  if (len != nullptr) *len = 0;
  return nullptr;
}
