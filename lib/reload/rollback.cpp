// What ran before a reload, and what runs now beside what should.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/unix_time.hpp"
#include "reload/engine.hpp"

namespace plugreload::internal {
namespace {

constexpr std::size_t kMostStale = 50;

Status Refused(std::string_view reason, std::string_view reload_id, std::string why) {
  return Status(Code::kFailedPrecondition, std::string(reason),
                fmt::format("rolling back the reload \"{}\": {}", reload_id, why));
}

void AddOnce(std::vector<PluginRef>& refs, const PluginRef& ref) {
  if (std::find(refs.begin(), refs.end(), ref) == refs.end()) refs.push_back(ref);
}

std::vector<PluginRef> RanBefore(const ReloadReport& report) {
  std::vector<PluginRef> refs;
  for (const MountReport& mount : report.mounts) {
    if (mount.outcome != MountOutcome::kReloaded || mount.previous_generation == 0) continue;
    AddOnce(refs, {mount.mount.type, mount.mount.plugin, mount.previous_version});
  }
  for (const MemberReport& member : report.members) {
    for (const PluginRef& ref : member.previous) AddOnce(refs, ref);
  }
  return refs;
}

}  // namespace

Result<std::string> Engine::Rollback(std::string_view reload_id, std::string_view new_reload_id) {
  if (Status status = Admit("Rollback"); !status.ok()) return status;
  const auto report = Find(reload_id);
  if (!report.ok()) return report.status();
  auto request = global_ == nullptr ? std::nullopt : global_->RequestOf(reload_id);
  if (!request) request = jobs_->RequestOf(reload_id);
  if (!request) return UnknownReload(reload_id);
  if (report->state < ReloadState::kDone) {
    return Refused("not_finished", reload_id, "it has not ended; cancel it, or wait");
  }
  request->reload_id = new_reload_id;
  request->pin = report->pin_before;
  if (!request->pin) {
    const std::vector<PluginRef> before = RanBefore(*report);
    if (before.empty()) {
      return Refused("nothing_to_roll_back", reload_id, "it replaced nothing that ran");
    }
    if (before.size() > 1) {
      std::string names;
      for (const PluginRef& ref : before) names += (names.empty() ? "" : ", ") + PluginTitle(ref);
      return Refused(
          "several_versions", reload_id,
          fmt::format("its mounts ran {} before; pin and reload each as it should be", names));
    }
    request->pin = before.front();
  }
  return Submit(*request);
}

MemberState Engine::OwnState() const {
  MemberState own;
  own.node = node_;
  own.told_at_ms = UnixMillis();
  std::map<std::string, MemberState::Plugin> plugins;
  for (const MountStatus& status : State("", Reach::kSubtree)) {
    if (status.generation == 0) continue;
    const MountEntry& mount = status.mount;
    const PluginRef running{mount.type, mount.plugin, status.running_version};
    MemberState::Plugin& plugin = plugins[PluginTitle(running)];
    plugin.ref = running;
    ++plugin.mounts;
    if (!status.reload_needed) continue;
    if (++own.reload_needed <= kMostStale) {
      own.stale.push_back({mount.ns, mount.path, running, status.wanted_version});
    }
  }
  for (auto& [title, plugin] : plugins) own.plugins.push_back(std::move(plugin));
  return own;
}

}  // namespace plugreload::internal
