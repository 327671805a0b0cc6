// The half of Engine that takes reloads and tells about them.
#include <algorithm>
#include <set>
#include <utility>

#include "base/callback_scope.hpp"
#include "reload/engine.hpp"

namespace plugreload::internal {

Result<std::string> Engine::Submit(const ReloadRequest& request) {
  if (Status status = Admit("Submit"); !status.ok()) return status;
  if (Status status = planner_->Check(request); !status.ok()) return status;
  ReloadRequest canonical = request;
  canonical.ns = *CanonicalNamespace(request.ns);
  if (!tree_->Find(canonical.ns)) {
    return Status(Code::kNotFound, "namespace_not_found",
                  "there is no namespace \"" + canonical.ns + "\"");
  }
  if (canonical.scope == Scope::kGlobal && global_ != nullptr) return global_->Submit(canonical);
  if (canonical.pin) {
    if (Status status = catalog_->SetPin(*canonical.pin, After(kDefaultMutationTimeout));
        !status.ok()) {
      return status;
    }
  }
  canonical.scope = Scope::kLocal;
  return jobs_->Submit(canonical, planner_->Names(canonical));
}

Result<ReloadReport> Engine::Reload(const ReloadRequest& request) {
  const Result<std::string> id = Submit(request);
  if (!id.ok()) return id.status();
  // Bounded by the deadlines of the phases of this reload and of those before it.
  return Wait(*id, Deadline::max(), ReloadCoordinator::Until::kAnswer);
}

Result<ReloadPlan> Engine::Plan(const ReloadRequest& request) const {
  return planner_->DryRun(request);
}

std::optional<ReloadReport> Engine::Find(std::string_view reload_id) const {
  auto report = jobs_->Find(reload_id);
  if (global_ != nullptr) global_->Describe(reload_id, report);
  return report;
}

Result<ReloadReport> Engine::Wait(std::string_view reload_id, Deadline deadline,
                                  ReloadCoordinator::Until until) const {
  if (Status status = fork_guard_.Check("Wait"); !status.ok()) return status;
  if (Status status = RefuseInCallback("Wait"); !status.ok()) return status;
  if (global_ != nullptr && global_->Knows(reload_id)) {
    if (Status status = global_->Wait(reload_id, deadline, until); !status.ok()) return status;
    if (auto report = Find(reload_id)) return *std::move(report);
  }
  return jobs_->Wait(reload_id, deadline, until);
}

Status Engine::Cancel(std::string_view reload_id) {
  if (global_ != nullptr && global_->Knows(reload_id)) return global_->Cancel(reload_id);
  return CancelLocal(reload_id);
}

Status Engine::CancelLocal(std::string_view reload_id) { return jobs_->Cancel(reload_id); }

std::optional<ReloadReport> Engine::FindLocal(std::string_view reload_id) const {
  return jobs_->Find(reload_id);
}

std::vector<MountStatus> Engine::State(std::string_view ns, Reach reach) const {
  std::vector<MountStatus> states;
  const Depth depth = reach == Reach::kSubtree ? Depth::kSubtree : Depth::kSelf;
  for (const auto& node : tree_->Nodes(ns, depth)) {
    states.push_back(slots_.Describe(static_cast<const Slot&>(*node->attachment)));
  }
  return states;
}

Engine::Usage Engine::Use() {
  std::set<const Instance*> draining;
  for (const auto& instance : drainer_.Waiting()) {
    if (slots_.UsersOf(*instance).empty()) draining.insert(instance.get());
  }
  return {domain_.CountLeases(), slots_.Count(), starter_->running(), draining.size(),
          drainer_.Blockers(kMostBlockers)};
}

std::vector<MountEntry> Engine::InUse(const PluginRef& ref) const {
  std::vector<MountEntry> users;
  for (const auto& node : tree_->MountsOf(ref.type, ref.name, "", Depth::kSubtree)) {
    const auto instance = slots_.Serving(static_cast<const Slot&>(*node->attachment));
    bool uses = instance != nullptr && instance->spec().plugin.ref == ref;
    if (!uses) {
      const auto next = catalog_->Resolve(ref.type, ref.name, node->entry.version,
                                          node->entry.override_pinned_version);
      uses = next.ok() && next->spec.ref == ref;
    }
    if (uses) users.push_back(node->entry);
  }
  return users;
}

}  // namespace plugreload::internal
