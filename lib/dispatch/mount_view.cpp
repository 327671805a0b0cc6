// Mounts as the API shows them.
#include <algorithm>
#include <utility>
#include <vector>

#include "dispatch/mounts.hpp"
#include "reload/engine.hpp"

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

std::vector<MountStatus> MountsHere(const ApiCall& call, Table table, const Page& page) {
  constexpr std::string_view kAuthPrefix = "auth/";
  constexpr std::size_t kAtOnce = 1'000;  // of a very long list, so that no lock is held for all
  std::vector<MountStatus> mounts;
  std::string after = page.after;
  if (table == Table::kAuth) after.insert(0, kAuthPrefix);
  for (bool more = true; more && mounts.size() < page.limit;) {
    const std::size_t most = std::min(kAtOnce, page.limit - mounts.size());
    std::vector<MountStatus> part = call.backend.engine.StatesAfter(call.ns, after, most);
    more = part.size() == most;
    for (MountStatus& status : part) {
      after = status.mount.path;
      if (after.starts_with(kAuthPrefix) == (table == Table::kAuth)) {
        mounts.push_back(std::move(status));
      } else if (table == Table::kAuth) {
        return mounts;  // behind them
      } else {
        after = std::string(kAuthPrefix) + '\xff';  // over them
        more = true;
        break;
      }
    }
  }
  return mounts;
}

std::optional<MountStatus> MountHere(const ApiCall& call, std::string_view path) {
  return call.backend.engine.StateAt(call.ns, path);
}

}  // namespace plugreload::internal
