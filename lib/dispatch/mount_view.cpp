// Mounts as the API shows them.
#include <algorithm>
#include <utility>
#include <vector>

#include "dispatch/mounts.hpp"

namespace plugreload::internal {
namespace {

// There are no lease times here; Vault's clients expect the keys.
Json ConfigData() {
  return Json::Object{{"default_lease_ttl", 0}, {"max_lease_ttl", 0}, {"force_no_cache", false}};
}

}  // namespace

Json MountView(const MountStatus& status) {
  const MountEntry& mount = status.mount;
  const bool runs = status.generation != 0;
  return Json::Object{{"accessor", mount.accessor},
                      {"type", mount.plugin},
                      {"description", mount.description},
                      {"options", mount.options.empty() ? Json() : Json(mount.options)},
                      {"config", ConfigData()},
                      {"plugin_version", mount.version},
                      {"running_plugin_version", runs ? status.running_version : std::string()},
                      {"running_sha256", runs ? status.running_sha256 : std::string()},
                      {"local", false},
                      {"seal_wrap", false},
                      {"external_entropy_access", false},
                      {"plugin_type", PluginTypeName(mount.type)},
                      {"start", mount.start == StartMode::kLazy ? "lazy" : "eager"},
                      {"state", MountStateName(status.state)},
                      {"override_pinned_version", mount.override_pinned_version},
                      {"reload_needed", status.reload_needed},
                      {"generation", status.generation},
                      {"instance", status.instance},
                      {"pid", status.pid},
                      {"restarts", status.restarts},
                      {"error", status.error.ok() ? Json() : Json(status.error.message())}};
}

std::vector<MountStatus> MountsHere(const ApiCall& call) {
  std::vector<MountStatus> states = call.backend.reloads.State(call.ns, Reach::kNamespace);
  std::vector<MountStatus> mounts;
  // The tree says what is mounted, the coordinator how it runs.
  for (MountEntry& entry : call.backend.namespaces.Mounts(call.ns, Depth::kSelf)) {
    const auto state = std::find_if(states.begin(), states.end(), [&](const MountStatus& status) {
      return status.mount.accessor == entry.accessor;
    });
    MountStatus status;
    if (state != states.end()) status = std::move(*state);
    status.mount = std::move(entry);
    mounts.push_back(std::move(status));
  }
  return mounts;
}

std::optional<MountStatus> MountHere(const ApiCall& call, std::string_view path) {
  for (MountStatus& status : MountsHere(call)) {
    if (status.mount.path == path) return std::move(status);
  }
  return std::nullopt;
}

}  // namespace plugreload::internal
