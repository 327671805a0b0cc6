// The half of Engine that takes reloads and tells about them.
#include <algorithm>
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
  return jobs_->Submit(canonical, planner_->Names(canonical));
}

Result<ReloadReport> Engine::Reload(const ReloadRequest& request) {
  const Result<std::string> id = Submit(request);
  if (!id.ok()) return id.status();
  // Bounded by the deadlines of the phases of this reload and of those before it.
  return jobs_->Wait(*id, Deadline::max(), ReloadCoordinator::Until::kAnswer);
}

Result<ReloadPlan> Engine::Plan(const ReloadRequest& request) const {
  return planner_->DryRun(request);
}

std::optional<ReloadReport> Engine::Find(std::string_view reload_id) const {
  return jobs_->Find(reload_id);
}

Result<ReloadReport> Engine::Wait(std::string_view reload_id, Deadline deadline,
                                  ReloadCoordinator::Until until) const {
  if (Status status = fork_guard_.Check("Wait"); !status.ok()) return status;
  if (Status status = RefuseInCallback("Wait"); !status.ok()) return status;
  return jobs_->Wait(reload_id, deadline, until);
}

Status Engine::Cancel(std::string_view reload_id) { return jobs_->Cancel(reload_id); }

std::vector<MountStatus> Engine::State(std::string_view ns, Reach reach) const {
  std::vector<MountStatus> states;
  const Depth depth = reach == Reach::kSubtree ? Depth::kSubtree : Depth::kSelf;
  for (const auto& node : tree_->Nodes(ns, depth)) {
    states.push_back(slots_.Describe(static_cast<const Slot&>(*node->attachment)));
  }
  return states;
}

std::vector<MountEntry> Engine::InUse(const PluginRef& ref) const {
  std::vector<MountEntry> users;
  for (const auto& node : tree_->MountsOf(ref.type, ref.name, "", Depth::kSubtree)) {
    const auto instance = slots_.Serving(static_cast<const Slot&>(*node->attachment));
    bool uses = instance != nullptr && instance->spec().plugin.ref == ref;
    if (!uses) {
      const auto next = catalog_->Resolve(ref.type, ref.name, node->entry.version);
      uses = next.ok() && next->spec.ref == ref;
    }
    if (uses) users.push_back(node->entry);
  }
  return users;
}

}  // namespace plugreload::internal
