// Mounts: add, remove, move, tune, and the list of them.
#include <memory>
#include <utility>

#include "guard.hpp"
#include "handles.hpp"
#include "input.hpp"
#include "output.hpp"

using plugreload::Code;
using plugreload::Millis;
using plugreload::MountEntry;
using plugreload::MountStatus;
using plugreload::PluginType;
using plugreload::Reach;
using plugreload::Runtime;
using plugreload::Status;
using plugreload::capi::Call;
using plugreload::capi::Input;
using plugreload::capi::Rule;

namespace {

constexpr Millis kDefaultMountTimeout{90'000};
constexpr Millis kDefaultUnmountTimeout{30'000};

MountEntry ConvertMount(const plugreload_mount& given, Input& input) {
  MountEntry entry;
  entry.ns = input.Text(given.ns, given.ns_len, "ns");
  entry.path = input.Text(given.path, given.path_len, "path");
  entry.type = input.Number(given.type, PluginType::kAuth, PluginType::kSecret, "type");
  entry.plugin = input.Text(given.plugin, given.plugin_len, "plugin");
  entry.version = input.Text(given.version, given.version_len, "version");
  entry.description = input.Text(given.description, given.description_len, "description");
  entry.options = input.Options(given.option_keys, given.option_key_lens, given.option_values,
                                given.option_value_lens, given.option_count);
  input.Flags(given.flags, PLUGRELOAD_LAZY | PLUGRELOAD_OVERRIDE_PINNED);
  entry.override_pinned_version = (given.flags & PLUGRELOAD_OVERRIDE_PINNED) != 0;
  if ((given.flags & PLUGRELOAD_LAZY) != 0) entry.start = plugreload::StartMode::kLazy;
  return entry;
}

}  // namespace

plugreload_code plugreload_mount_add(plugreload_engine* engine, const plugreload_mount* mount,
                                     int64_t timeout_ms, plugreload_error** error) {
  const char* what = __func__;
  return Call(engine, Rule::kNoCallback, what, error, [&](Runtime& runtime) -> Status {
    Input input(what);
    MountEntry entry = ConvertMount(input.Copy(mount, "mount"), input);
    const auto deadline = input.Until(timeout_ms, kDefaultMountTimeout);
    if (!input.status().ok()) return input.status();
    return runtime.reloads().Mount(std::move(entry), deadline).status();
  });
}

plugreload_code plugreload_mount_remove(plugreload_engine* engine, const char* ns, size_t ns_len,
                                        const char* path, size_t path_len, int64_t timeout_ms,
                                        plugreload_error** error) {
  const char* what = __func__;
  return Call(engine, Rule::kNoCallback, what, error, [&](Runtime& runtime) -> Status {
    Input input(what);
    const auto in = input.View(ns, ns_len, "ns");
    const auto at = input.View(path, path_len, "path");
    const auto deadline = input.Until(timeout_ms, kDefaultUnmountTimeout);
    if (!input.status().ok()) return input.status();
    return runtime.reloads().Unmount(in, at, deadline);
  });
}

plugreload_code plugreload_mount_move(plugreload_engine* engine, const char* from_ns,
                                      size_t from_ns_len, const char* from, size_t from_len,
                                      const char* to_ns, size_t to_ns_len, const char* to,
                                      size_t to_len, int64_t timeout_ms, plugreload_error** error) {
  const char* what = __func__;
  return Call(engine, Rule::kNoCallback, what, error, [&](Runtime& runtime) -> Status {
    Input input(what);
    const auto old_ns = input.View(from_ns, from_ns_len, "from_ns");
    const auto old_path = input.View(from, from_len, "from");
    const auto new_ns = input.View(to_ns, to_ns_len, "to_ns");
    const auto new_path = input.View(to, to_len, "to");
    const auto deadline = input.Until(timeout_ms);
    if (!input.status().ok()) return input.status();
    return runtime.reloads().Move(old_ns, old_path, new_ns, new_path, deadline);
  });
}

plugreload_code plugreload_mount_tune(plugreload_engine* engine, const char* ns, size_t ns_len,
                                      const char* path, size_t path_len,
                                      const plugreload_tune* tune, int64_t timeout_ms,
                                      plugreload_error** error) {
  const char* what = __func__;
  return Call(engine, Rule::kNoCallback, what, error, [&](Runtime& runtime) -> Status {
    Input input(what);
    const auto in = input.View(ns, ns_len, "ns");
    const auto at = input.View(path, path_len, "path");
    const plugreload_tune given = input.Copy(tune, "tune");
    plugreload::MountTune change;
    change.version = input.Maybe(given.version, given.version_len, "version");
    change.description = input.Maybe(given.description, given.description_len, "description");
    if (given.option_keys != nullptr || given.option_count != 0) {
      change.options = input.Options(given.option_keys, given.option_key_lens, given.option_values,
                                     given.option_value_lens, given.option_count);
    }
    const auto deadline = input.Until(timeout_ms);
    if (!input.status().ok()) return input.status();
    return runtime.reloads().TuneMount(in, at, change, deadline);
  });
}

plugreload_code plugreload_mount_list(plugreload_engine* engine, const char* ns, size_t ns_len,
                                      int32_t reach, plugreload_mounts** mounts,
                                      plugreload_error** error) {
  if (mounts != nullptr) *mounts = nullptr;
  const char* what = __func__;
  return Call(engine, Rule::kAny, what, error, [&](Runtime& runtime) -> Status {
    Input input(what);
    const auto in = input.View(ns, ns_len, "ns");
    const auto how_far = input.Number(reach, Reach::kNamespace, Reach::kSubtree, "reach");
    input.Require(mounts, "mounts");
    if (!input.status().ok()) return input.status();
    if (!runtime.namespaces().Find(in)) {
      return Status(Code::kNotFound, "namespace_not_found",
                    "there is no namespace \"" + std::string(in) + "\" to list the mounts of");
    }
    auto list = std::make_unique<plugreload_mounts>();
    for (MountStatus& status : runtime.reloads().State(in, how_far)) {
      plugreload::capi::Why why(status.error);
      list->items.push_back({std::move(status), std::move(why)});
    }
    *mounts = list.release();
    return {};
  });
}
