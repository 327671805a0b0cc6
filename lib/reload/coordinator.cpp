#include <array>
#include <utility>

#include "plugreload/reload.hpp"
#include "reload/engine.hpp"

namespace plugreload {
namespace {

template <typename Enum, std::size_t N>
std::string_view NameOf(Enum value, const std::array<std::string_view, N>& names) {
  const auto index = static_cast<std::size_t>(value);
  return index < N ? names[index] : "invalid";
}

constexpr std::array<std::string_view, 5> kOutcomes = {"pending", "reloaded", "failed", "skipped",
                                                       "cancelled"};
constexpr std::array<std::string_view, 6> kReloadStates = {"queued", "running", "draining",
                                                           "done",   "failed",  "cancelled"};
constexpr std::array<std::string_view, 6> kPhases = {"waiting", "plan",   "prepare",
                                                     "drain",   "retire", "ended"};
constexpr std::array<std::string_view, 5> kNodeStates = {"pending", "running", "done", "failed",
                                                         "cancelled"};
constexpr std::array<std::string_view, 7> kMountStates = {
    "idle", "starting", "serving", "held", "restarting", "failed", "removed"};

}  // namespace

std::string_view PolicyName(Policy policy) {
  return policy == Policy::kAllOrNothing ? "all_or_nothing" : "best_effort";
}
std::string_view MountOutcomeName(MountOutcome outcome) { return NameOf(outcome, kOutcomes); }
std::string_view ReloadPhaseName(ReloadPhase phase) { return NameOf(phase, kPhases); }
std::string_view ReloadStateName(ReloadState state) { return NameOf(state, kReloadStates); }
std::string_view NodeStateName(NodeState state) { return NameOf(state, kNodeStates); }
std::string_view MountStateName(MountState state) { return NameOf(state, kMountStates); }

ReloadCoordinator::ReloadCoordinator(std::shared_ptr<internal::Engine> engine)
    : engine_(std::move(engine)) {}
ReloadCoordinator::~ReloadCoordinator() = default;

Result<MountEntry> ReloadCoordinator::Mount(MountEntry entry, Deadline deadline) {
  return engine_->Mount(std::move(entry), deadline);
}
Status ReloadCoordinator::Unmount(std::string_view ns, std::string_view path, Deadline deadline) {
  return engine_->Unmount(ns, path, deadline);
}
Status ReloadCoordinator::Move(std::string_view from_ns, std::string_view from,
                               std::string_view to_ns, std::string_view to, Deadline deadline) {
  return engine_->Move(from_ns, from, to_ns, to, deadline);
}
Status ReloadCoordinator::TuneMount(std::string_view ns, std::string_view path,
                                    const MountTune& tune, Deadline deadline) {
  return engine_->TuneMount(ns, path, tune, deadline);
}
Result<ReloadReport> ReloadCoordinator::Reload(const ReloadRequest& request) {
  return engine_->Reload(request);
}
Result<std::string> ReloadCoordinator::Submit(const ReloadRequest& request) {
  return engine_->Submit(request);
}
Result<ReloadPlan> ReloadCoordinator::Plan(const ReloadRequest& request) const {
  return engine_->Plan(request);
}
Result<ReloadReport> ReloadCoordinator::Find(std::string_view reload_id) const {
  return engine_->Find(reload_id);
}
Result<ReloadReport> ReloadCoordinator::Wait(std::string_view reload_id, Deadline deadline,
                                             Until until) const {
  return engine_->Wait(reload_id, deadline, until);
}
Status ReloadCoordinator::Cancel(std::string_view reload_id) { return engine_->Cancel(reload_id); }
Result<std::string> ReloadCoordinator::Rollback(std::string_view reload_id,
                                                std::string_view new_reload_id) {
  return engine_->Rollback(reload_id, new_reload_id);
}
Result<std::vector<MemberState>> ReloadCoordinator::Running(Deadline deadline) const {
  return engine_->Running(deadline);
}
std::vector<MountStatus> ReloadCoordinator::State(std::string_view ns, Reach reach) const {
  return engine_->State(ns, reach);
}
std::vector<MountEntry> ReloadCoordinator::InUse(const PluginRef& ref) const {
  return engine_->InUse(ref);
}
Result<PluginFacts> ReloadCoordinator::Inspect(const PluginSpec& spec, Deadline deadline) {
  return engine_->Inspect(spec, deadline);
}

}  // namespace plugreload
