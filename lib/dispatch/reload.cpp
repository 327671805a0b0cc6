// sys/plugins/reload/:type/:name and sys/plugins/reload/backend.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <map>
#include <set>
#include <system_error>
#include <utility>

#include "dispatch/plugins.hpp"
#include "dispatch/reload_body.hpp"
#include "dispatch/reload_control.hpp"
#include "dispatch/reload_status.hpp"
#include "dispatch/reload_targets.hpp"
#include "dispatch/route.hpp"
#include "dispatch/text.hpp"
#include "reload/engine.hpp"

namespace plugreload::internal {
namespace {

// The fields behind `scope` are additions to Vault's.
constexpr FieldSpec kFields[] = {
    {"plugin", FieldKind::kString},          {"mounts", FieldKind::kList},
    {"scope", FieldKind::kString},           {"order", FieldKind::kString},
    {"policy", FieldKind::kString},          {"force", FieldKind::kBool},
    {"start_timeout", FieldKind::kDuration}, {"drain_timeout", FieldKind::kDuration},
    {"deadline", FieldKind::kDuration},      {"dry_run", FieldKind::kBool},
    {"strategy", FieldKind::kString},        {"max_unavailable", FieldKind::kString},
    {"pin_version", FieldKind::kString}};
// By type and name there is no plugin or mounts to give: they are unrecognised. Pins are the root
// namespace's, and so is the one to set with the reload.
constexpr std::span<const FieldSpec> kRootFields = std::span(kFields).subspan(2);
constexpr std::span<const FieldSpec> kBackendFields =
    std::span(kFields).first(std::size(kFields) - 1);

constexpr std::string_view kNothing = "no plugins were reloaded";
constexpr std::string_view kNothingHere =
    "no plugins were reloaded locally (but they may be reloaded on other nodes)";

bool IsGlobal(const ApiCall& call) { return call.fields.String("scope") == "global"; }

std::optional<Reply> CheckScope(const ApiCall& call) {
  if (call.fields.String("scope").empty() || IsGlobal(call)) return std::nullopt;
  return Refuse(400, "reload scope must be omitted or 'global'");
}

std::optional<Reply> ParseAdditions(const ApiCall& call, ReloadRequest& request) {
  const Fields& fields = call.fields;
  if (const std::string order = fields.String("order"); !order.empty()) {
    request.order = ParseOrder(order);
    if (!request.order) return Refuse(400, "order must be 'start_first' or 'stop_first'");
  }
  if (const std::string policy = fields.String("policy"); !policy.empty()) {
    if (policy == PolicyName(Policy::kAllOrNothing)) {
      request.policy = Policy::kAllOrNothing;
    } else if (policy != PolicyName(Policy::kBestEffort)) {
      return Refuse(400, "policy must be 'best_effort' or 'all_or_nothing'");
    }
  }
  if (const std::string strategy = fields.String("strategy"); strategy == "rolling") {
    request.strategy = Strategy::kRolling;
  } else if (!strategy.empty() && strategy != "all") {
    return Refuse(400, "strategy must be 'all' or 'rolling'");
  }
  if (const std::string most = fields.String("max_unavailable"); !most.empty()) {
    const char* end = most.data() + most.size();
    const auto read = std::from_chars(most.data(), end, request.max_unavailable);
    if (read.ec != std::errc() || read.ptr != end || request.max_unavailable == 0) {
      return Refuse(400, "max_unavailable must be a number above 0");
    }
  }
  request.force = fields.Bool("force");
  // The deadline bounds each phase for which nothing else is said.
  const auto deadline = fields.Duration("deadline");
  request.start_timeout = fields.Has("start_timeout") ? fields.Duration("start_timeout") : deadline;
  request.drain_timeout = fields.Has("drain_timeout") ? fields.Duration("drain_timeout") : deadline;
  if (deadline && deadline->count() == 0) return Refuse(400, "deadline must be above 0");
  if (request.start_timeout && request.start_timeout->count() == 0) {
    return Refuse(400, "start_timeout must be above 0");
  }
  return std::nullopt;
}

// What the reload of some targets came to.
struct Outcome {
  ReloadReport report;
  Status refused;  // not OK: nothing was tried, and this is why
};

// Why another member of this node did not do its part; what this one did is told by mount.
std::optional<std::string> SiblingError(const MemberReport& member) {
  if (member.self || member.error.empty()) return std::nullopt;
  return fmt::format("member {} of node {}: {}", member.member, member.node, member.error);
}

// Until the reload has ended, or the call's deadline; then the report says what holds so far.
Outcome Carry(const ApiCall& call, const ReloadRequest& request) {
  ReloadCoordinator& reloads = call.backend.reloads;
  const auto submitted = reloads.Submit(request);
  Outcome outcome;
  // A mount that went away just now; the others are being reloaded under this id.
  if (!submitted.ok() && !reloads.Find(request.reload_id).ok()) {
    outcome.refused = submitted.status();
    return outcome;
  }
  Deadline deadline = call.deadline;
  if (request.scope == Scope::kGlobal && request.strategy == Strategy::kRolling) {
    deadline = After(Millis(0));
  }
  if (const auto given = call.fields.Duration("deadline")) {
    deadline = std::min(deadline, After(*given));
  }
  auto report = reloads.Wait(request.reload_id, deadline, ReloadCoordinator::Until::kAnswer);
  if (report.ok()) {
    outcome.report = *std::move(report);
  } else {
    outcome.refused = report.status();
  }
  return outcome;
}

Reply Answer(const ApiCall& call, Json data, const std::vector<std::string>& errors,
             std::vector<std::string> warnings) {
  Reply reply = errors.empty() ? Data(Json()) : Fail(500, errors);
  reply.data = std::move(data);
  if (!errors.empty()) return reply;
  reply.warnings = std::move(warnings);
  if (IsGlobal(call)) {
    reply.status = 202;
    reply.layout = Layout::kEarly;
  }
  return reply;
}

bool InCatalog(const ApiCall& call, const ByPlugin& target) {
  for (const auto type : {PluginType::kAuth, PluginType::kDatabase, PluginType::kSecret}) {
    if (target.type != PluginType::kUnknown && target.type != type) continue;
    const auto specs = call.backend.registry.List(type);
    const auto named = [&](const PluginSpec& spec) { return spec.ref.name == target.name; };
    if (std::any_of(specs.begin(), specs.end(), named)) return true;
  }
  return false;
}

Reply RunByPlugin(const ApiCall& call, const ReloadRequest& request) {
  const auto& target = std::get<ByPlugin>(request.target);
  if (call.backend.options.refuse_unknown_plugin && !InCatalog(call, target)) {
    return Refuse(400, "plugin not found in the catalog: " + Quote(target.name));
  }
  if (call.fields.Bool("dry_run")) {
    const auto plan = call.backend.reloads.Plan(request);
    return plan.ok() ? Data(PlanData(*plan, request.reload_id)) : FromStatus(plan.status());
  }
  const Outcome outcome = Carry(call, request);
  if (!outcome.refused.ok()) return FromStatus(outcome.refused);
  std::vector<std::string> errors, warnings;
  for (const MountReport& mount : outcome.report.mounts) {
    if (auto error = MountError(outcome.report, mount, call.ns)) {
      errors.push_back(*std::move(error));
    }
  }
  for (const MemberReport& member : outcome.report.members) {
    if (auto error = SiblingError(member)) errors.push_back(*std::move(error));
  }
  // Committed for every member: what failed here is in the status, and a warning.
  if (IsGlobal(call) && !outcome.report.members.empty()) {
    warnings = std::exchange(errors, {});
  } else if (errors.empty() && !Ended(outcome.report.state)) {
    errors.push_back(LateText(request.reload_id));
  }
  // An unknown plugin is no error: Vault does not tell what the catalog holds.
  if (outcome.report.reloaded == 0 && warnings.empty()) {
    warnings.emplace_back(IsGlobal(call) ? kNothingHere : kNothing);
  }
  return Answer(call, ReportData(outcome.report), errors, std::move(warnings));
}

// Adds what no reload covered to the data, and returns the error of a missing mount.
std::optional<std::string> AddUncovered(const ApiCall& call, const NamedTarget& target,
                                        Json::Array& mounts) {
  if (target.kind == TargetKind::kMissing) {
    const std::string error = "cannot fetch mount entry on " + Quote(target.path);
    mounts.push_back(UncoveredData(call.ns, target.path, MountOutcome::kFailed, error));
    return error;
  }
  mounts.push_back(UncoveredData(call.ns, target.path, MountOutcome::kSkipped,
                                 target.kind == TargetKind::kChild
                                     ? "it is a mount of a namespace below"
                                     : "sys is not a plugin"));
  return std::nullopt;
}

// The errors in the order in which the request names the mounts; warnings when the request is
// committed for every member (`shared`).
Reply AnswerMounts(const ApiCall& call, const std::vector<NamedTarget>& targets, Json data,
                   const std::map<std::string, std::string>& failed,
                   const std::vector<std::string>& siblings, bool shared) {
  std::vector<std::string> errors;
  std::size_t missing = 0, skipped = 0;
  Json::Array mounts = *data.Find("mounts")->array();
  for (const NamedTarget& target : targets) {
    if (target.kind == TargetKind::kMount) {
      const auto error = failed.find(target.path);
      if (error != failed.end()) errors.push_back(error->second);
    } else if (auto error = AddUncovered(call, target, mounts)) {
      errors.push_back(*std::move(error));
      ++missing;
    } else {
      ++skipped;
    }
  }
  errors.insert(errors.end(), siblings.begin(), siblings.end());
  data.Set("mounts", std::move(mounts));
  if (const Json* count = data.Find("failed")) {
    data.Set("failed", *count->integer() + static_cast<std::int64_t>(missing));
    data.Set("skipped", *data.Find("skipped")->integer() + static_cast<std::int64_t>(skipped));
    if (missing != 0 && *data.Find("state")->string() == ReloadStateName(ReloadState::kDone)) {
      data.Set("state", ReloadStateName(ReloadState::kFailed));
    }
  }
  // What would be missing is part of what a dry run tells.
  if (call.fields.Bool("dry_run")) errors.clear();
  std::vector<std::string> warnings;
  if (shared) warnings = std::exchange(errors, {});
  return Answer(call, std::move(data), errors, std::move(warnings));
}

Reply RunByMounts(const ApiCall& call, ReloadRequest request,
                  const std::vector<NamedTarget>& targets) {
  ByMounts present;
  for (const NamedTarget& target : targets) {
    if (target.kind == TargetKind::kMount) present.paths.push_back(target.path);
  }
  const bool nothing = present.paths.empty();
  request.target = std::move(present);
  std::map<std::string, std::string> failed;
  if (call.fields.Bool("dry_run")) {
    ReloadPlan plan;
    if (!nothing) {
      auto made = call.backend.reloads.Plan(request);
      if (!made.ok()) return FromStatus(made.status());
      plan = *std::move(made);
    }
    return AnswerMounts(call, targets, PlanData(plan, request.reload_id), failed, {}, false);
  }
  Outcome outcome;
  if (nothing) {
    outcome.report.reload_id = request.reload_id;
    outcome.report.state = ReloadState::kDone;
  } else {
    outcome = Carry(call, request);
    if (!outcome.refused.ok()) return FromStatus(outcome.refused);
  }
  std::set<std::string> covered;
  for (const MountReport& mount : outcome.report.mounts) {
    const std::string path = PathFrom(call.ns, mount.mount);
    covered.insert(path);
    if (auto error = MountError(outcome.report, mount, call.ns)) failed[path] = *std::move(error);
  }
  // Of a reload that still waits for its turn nothing is planned yet.
  for (const NamedTarget& target : targets) {
    if (Ended(outcome.report.state) || target.kind != TargetKind::kMount) continue;
    if (covered.contains(target.path)) continue;
    failed[target.path] = fmt::format("cannot reload plugin on {}: {}", Quote(target.path),
                                      LateText(request.reload_id));
  }
  std::vector<std::string> siblings;
  for (const MemberReport& member : outcome.report.members) {
    if (auto error = SiblingError(member)) siblings.push_back(*std::move(error));
  }
  return AnswerMounts(call, targets, ReportData(outcome.report), failed, siblings,
                      IsGlobal(call) && !outcome.report.members.empty());
}

ReloadRequest NewRequest(const ApiCall& call) {
  ReloadRequest request;
  request.ns = call.ns;
  request.scope = IsGlobal(call) ? Scope::kGlobal : Scope::kLocal;
  request.reload_id = call.request_id;
  return request;
}

Reply ReloadRoot(const ApiCall& call) {
  if (auto refused = CheckScope(call)) return *std::move(refused);
  ReloadRequest request = NewRequest(call);
  request.reach = Reach::kSubtree;
  const ByPlugin target{*ParsePluginType(call.captures.at("type")), call.captures.at("name")};
  request.target = target;
  if (auto refused = ParseAdditions(call, request)) return *std::move(refused);
  if (const std::string version = call.fields.String("pin_version"); !version.empty()) {
    if (target.type == PluginType::kUnknown) {
      return Refuse(400, "pin_version needs a type: auth, database or secret");
    }
    auto canonical = PluginVersion(version);
    if (!canonical.ok()) return Refuse(400, std::string(canonical.status().message()));
    request.pin = PluginRef{target.type, target.name, *std::move(canonical)};
  }
  return RunByPlugin(call, request);
}

Reply ReloadBackend(const ApiCall& call) {
  if (auto refused = CheckScope(call)) return *std::move(refused);
  const std::string plugin = call.fields.String("plugin");
  const std::vector<std::string> mounts = call.fields.List("mounts");
  if (!plugin.empty() && !mounts.empty()) {
    return Refuse(400, "plugin and mounts cannot be set at the same time");
  }
  if (plugin.empty() && mounts.empty()) return Refuse(400, "plugin or mounts must be provided");
  const std::size_t limit = call.backend.options.max_mounts_per_request;
  if (mounts.size() > limit) {
    return Refuse(400,
                  fmt::format("{} mounts in one request, the limit is {}", mounts.size(), limit));
  }
  for (const std::string& path : mounts) {
    if (auto refused = CheckPathBytes(call, path)) return *std::move(refused);
  }
  ReloadRequest request = NewRequest(call);
  if (auto refused = ParseAdditions(call, request)) return *std::move(refused);
  if (mounts.empty()) {
    request.target = ByPlugin{PluginType::kUnknown, plugin};
    return RunByPlugin(call, request);
  }
  call.backend.engine.AwaitNamed(call.ns, mounts);
  return RunByMounts(call, std::move(request),
                     SortTargets(call.backend.namespaces, call.ns, mounts));
}

}  // namespace

std::vector<Route> ReloadRoutes() {
  return {{.pattern = "sys/plugins/reload/backend",
           .fields = kBackendFields,
           .update = ReloadBackend,
           .summary = "Replaces what runs in this namespace: a plugin, or some mounts."},
          ReloadStatusRoute(),
          CancelRoute(),
          RollbackRoute(),
          RunningRoute(),
          {.pattern = "sys/plugins/reload/{reload_type}/{name}",
           .where = Where::kRootNamespace,
           .fields = kRootFields,
           .update = ReloadRoot,
           .summary = "Replaces what runs of a plugin, in all namespaces."}};
}

}  // namespace plugreload::internal
