#include "dispatch/reload_body.hpp"

#include <fmt/format.h>

#include <utility>

#include "dispatch/text.hpp"

namespace plugreload::internal {
namespace {

Json RuleData(const std::optional<VersionRule>& rule) {
  return rule ? Json(VersionRuleName(*rule)) : Json();
}

Json MessageData(const Status& status) { return status.ok() ? Json() : Json(status.message()); }

Json TimeData(std::int64_t unix_ms) { return unix_ms == 0 ? Json() : Json(TimeText(unix_ms)); }

Json Identity(const MountEntry& mount) {
  return Json::Object{{"namespace", mount.ns},
                      {"path", mount.path},
                      {"type", PluginTypeName(mount.type)},
                      {"plugin", mount.plugin}};
}

Json LeasesData(const std::vector<HeldLease>& leases) {
  Json::Array data;
  for (const HeldLease& lease : leases) {
    data.push_back(Json::Object{{"tag", lease.tag}, {"age_ms", lease.age.count()}});
  }
  return Json(std::move(data));
}

Json ItemData(const ReloadPlan::Item& item) {
  Json data = Identity(item.mount);
  data.Set("running_version", item.running_version);
  data.Set("target_version", item.target_version);
  data.Set("rule", RuleData(item.rule));
  data.Set("process", item.process);
  data.Set("order", OrderName(item.order));
  data.Set("would_skip", item.would_skip);
  data.Set("error", MessageData(item.status));
  return data;
}

}  // namespace

std::string PathFrom(std::string_view ns, const MountEntry& mount) {
  const std::string whole = mount.ns + mount.path;
  return std::string_view(whole).starts_with(ns) ? whole.substr(ns.size()) : whole;
}

std::string LateText(std::string_view reload_id) {
  return fmt::format(
      "not done in time; the reload goes on, see "
      "sys/plugins/reload/backend/status?reload_id={}",
      reload_id);
}

bool Ended(ReloadState state) {
  return state != ReloadState::kQueued && state != ReloadState::kRunning;
}

std::optional<std::string> MountError(const ReloadReport& report, const MountReport& mount,
                                      std::string_view ns) {
  std::string why;
  if (mount.status.reason() == "mount_not_found") {
    return "cannot fetch mount entry on " + Quote(PathFrom(ns, mount.mount));
  }
  switch (mount.outcome) {
    case MountOutcome::kReloaded:
    case MountOutcome::kSkipped:
      return std::nullopt;
    case MountOutcome::kFailed:
      why = "it failed";
      break;
    case MountOutcome::kCancelled:
      why = "the reload was cancelled";
      break;
    case MountOutcome::kPending:
      why =
          Ended(report.state) ? "the reload ended without reaching it" : LateText(report.reload_id);
      break;
  }
  if (!mount.status.ok()) why = mount.status.message();
  return fmt::format("cannot reload plugin on {}: {}", Quote(PathFrom(ns, mount.mount)), why);
}

Json MountData(const MountReport& mount) {
  const bool ran = mount.previous_generation != 0;
  Json data = Identity(mount.mount);
  data.Set("outcome", MountOutcomeName(mount.outcome));
  data.Set("previous_version", ran ? Json(mount.previous_version) : Json());
  data.Set("running_version", mount.generation != 0 ? Json(mount.running_version) : Json());
  data.Set("rule", RuleData(mount.rule));
  data.Set("previous_generation", mount.previous_generation);
  data.Set("generation", mount.generation);
  data.Set("instance", mount.instance);
  data.Set("sealed", mount.sealed);
  data.Set("draining", mount.draining);
  if (!mount.leases.empty()) data.Set("leases", LeasesData(mount.leases));
  data.Set("prepare_ms", mount.prepare.count());
  data.Set("commit_us", mount.commit_us);
  data.Set("drain_ms", mount.drain.count());
  data.Set("retire_ms", mount.retire.count());
  data.Set("error", MessageData(mount.status));
  return data;
}

Json UncoveredData(std::string_view ns, std::string_view path, MountOutcome outcome,
                   std::string_view why) {
  return Json::Object{
      {"namespace", ns}, {"path", path}, {"outcome", MountOutcomeName(outcome)}, {"error", why}};
}

Json ReportData(const ReloadReport& report) {
  Json::Array mounts;
  for (const MountReport& mount : report.mounts) mounts.push_back(MountData(mount));
  return Json::Object{{"reload_id", report.reload_id},
                      {"state", ReloadStateName(report.state)},
                      {"phase", ReloadPhaseName(report.phase)},
                      {"done", report.reloaded + report.failed + report.skipped},
                      {"total", report.mounts.size()},
                      {"revision", report.revision},
                      {"joined", report.joined.empty() ? Json() : Json(report.joined)},
                      {"requested_at", TimeData(report.requested_at_ms)},
                      {"finished_at", TimeData(report.finished_at_ms)},
                      {"reloaded", report.reloaded},
                      {"failed", report.failed},
                      {"skipped", report.skipped},
                      {"mounts", std::move(mounts)}};
}

Json PlanData(const ReloadPlan& plan, std::string_view reload_id) {
  Json::Array items, neighbours;
  for (const ReloadPlan::Item& item : plan.items) items.push_back(ItemData(item));
  for (const MountEntry& mount : plan.neighbours) neighbours.push_back(Identity(mount));
  return Json::Object{{"reload_id", reload_id},     {"dry_run", true},
                      {"revision", plan.revision},  {"processes", plan.processes},
                      {"mounts", std::move(items)}, {"neighbours", std::move(neighbours)}};
}

}  // namespace plugreload::internal
