#include "dispatch/reload_status.hpp"

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <utility>

#include "dispatch/reload_body.hpp"
#include "dispatch/text.hpp"

namespace plugreload::internal {
namespace {

constexpr FieldSpec kFields[] = {{"reload_id", FieldKind::kString}};

std::size_t Count(const ReloadReport& report, MountOutcome outcome) {
  return static_cast<std::size_t>(
      std::count_if(report.mounts.begin(), report.mounts.end(),
                    [&](const MountReport& mount) { return mount.outcome == outcome; }));
}

// A namespace sees only itself and what is below: the rest of a report is taken out. False when
// nothing of it is left to see.
bool Restrict(ReloadReport& report, std::string_view ns) {
  if (ns.empty()) return true;
  std::erase_if(report.mounts, [&](const MountReport& mount) {
    return !std::string_view(mount.mount.ns).starts_with(ns);
  });
  // A member's counts and error are of all namespaces.
  for (MemberReport& member : report.members) {
    member.reloaded = member.failed = member.skipped = 0;
    if (!member.error.empty()) member.error = "see the status in the root namespace";
    std::erase_if(member.mounts, [&](const MemberMount& mount) {
      return !std::string_view(mount.ns).starts_with(ns);
    });
  }
  report.reloaded = Count(report, MountOutcome::kReloaded);
  report.failed = Count(report, MountOutcome::kFailed);
  report.skipped = Count(report, MountOutcome::kSkipped);
  return !report.mounts.empty();
}

// What Vault has per node: when it was done, and the error if there was one.
Json NodeResult(const ReloadReport& report, std::string_view ns) {
  std::vector<std::string> errors;
  for (const MountReport& mount : report.mounts) {
    if (auto error = MountError(report, mount, ns)) errors.push_back(*std::move(error));
  }
  Json result(Json::Object{
      {"timestamp",
       TimeText(report.finished_at_ms != 0 ? report.finished_at_ms : report.requested_at_ms)}});
  if (!errors.empty()) result.Set("error", MultiError(errors));
  return result;
}

// By node; of a node's members the last to finish, or the first that failed.
Json MemberResults(const ReloadReport& report) {
  std::map<std::string, const MemberReport*> nodes;
  for (const MemberReport& member : report.members) {
    if (member.state < NodeState::kDone) continue;
    const MemberReport*& shown = nodes[member.node];
    const bool worse = shown == nullptr || (shown->error.empty() && !member.error.empty());
    if (worse || (shown->error.empty() && member.finished_at_ms > shown->finished_at_ms)) {
      shown = &member;
    }
  }
  Json results{Json::Object{}};
  for (const auto& [node, member] : nodes) {
    Json result(Json::Object{{"timestamp", TimeText(member->finished_at_ms)}});
    if (!member->error.empty()) result.Set("error", member->error);
    results.Set(node, std::move(result));
  }
  return results;
}

Json Mounts(const MemberReport& member) {
  Json mounts{Json::Array{}};
  for (const MemberMount& mount : member.mounts) {
    mounts.Add(Json::Object{{"namespace", mount.ns},
                            {"path", mount.path},
                            {"outcome", MountOutcomeName(mount.outcome)},
                            {"previous_version", mount.previous_version},
                            {"running_version", mount.running_version},
                            {"error", mount.error.empty() ? Json() : Json(mount.error)}});
  }
  return mounts;
}

Json Members(const ReloadReport& report) {
  Json members{Json::Array{}};
  for (const MemberReport& member : report.members) {
    members.Add(Json::Object{{"node", member.node},
                             {"member", member.member},
                             {"state", NodeStateName(member.state)},
                             {"by_start", member.by_start},
                             {"reloaded", member.reloaded},
                             {"failed", member.failed},
                             {"skipped", member.skipped},
                             {"error", member.error.empty() ? Json() : Json(member.error)},
                             {"mounts", Mounts(member)}});
  }
  return members;
}

// A reload of this runtime alone has one member, in the words of those of many.
MemberReport OwnMember(const ReloadReport& report, const std::string& node) {
  MemberReport own;
  own.node = node;
  own.reloaded = report.reloaded;
  own.failed = report.failed;
  own.skipped = report.skipped;
  switch (report.state) {
    case ReloadState::kQueued:
      own.state = NodeState::kPending;
      break;
    case ReloadState::kRunning:
    case ReloadState::kDraining:
      own.state = NodeState::kRunning;
      break;
    case ReloadState::kDone:
      own.state = NodeState::kDone;
      break;
    case ReloadState::kFailed:
      own.state = NodeState::kFailed;
      break;
    case ReloadState::kCancelled:
      own.state = NodeState::kCancelled;
      break;
  }
  return own;
}

// An id that is not known, any more or at all, has empty results, as in Vault; so has one that is
// still running.
Reply ReadStatus(const ApiCall& call) {
  const std::string reload_id = call.fields.String("reload_id");
  if (reload_id.empty()) return Refuse(400, "reload_id must be provided");
  auto report = call.backend.reloads.Find(reload_id);
  if (!report.ok() && report.status().code() != Code::kNotFound) return FromStatus(report.status());
  Json results{Json::Object{}};
  if (!report.ok() || !Restrict(*report, call.ns)) {
    return Data(Json::Object{
        {"reload_id", reload_id}, {"results", std::move(results)}, {"state", "unknown"}});
  }
  if (!report->members.empty()) {
    results = MemberResults(*report);
  } else {
    const std::string& node = call.backend.options.node;
    if (Ended(report->state)) results.Set(node, NodeResult(*report, call.ns));
    report->members.push_back(OwnMember(*report, node));
  }
  Json data = ReportData(*report);
  data.Set("results", std::move(results));
  data.Set("members", Members(*report));
  return Data(std::move(data));
}

}  // namespace

Route ReloadStatusRoute() {
  return {.pattern = "sys/plugins/reload/backend/status",
          .fields = kFields,
          .read = ReadStatus,
          .summary = "How a reload goes or went."};
}

}  // namespace plugreload::internal
