// The half of Engine that takes reloads and tells about them.
#include <algorithm>
#include <set>
#include <utility>

#include "base/callback_scope.hpp"
#include "reload/engine.hpp"
#include "state/keys.hpp"

namespace plugreload::internal {
namespace {

constexpr Millis kLookTimeout{2'000};
constexpr std::size_t kMostAwaited = 16;

}  // namespace

Result<std::string> Engine::Submit(const ReloadRequest& request) { return Hand(request, false); }

Result<std::string> Engine::SubmitLocal(const ReloadRequest& request) {
  return HandLocal(request, false);
}

Result<std::string> Engine::Hand(const ReloadRequest& request, bool carry) {
  const Result<ReloadRequest> canonical = CheckRequest(request);
  if (!canonical.ok()) return canonical.status();
  if (const auto* named = std::get_if<ByMounts>(&canonical->target)) {
    AwaitNamed(canonical->ns, named->paths);
  }
  if (global_ == nullptr) return HandLocal(*canonical, carry);
  const bool others = canonical->scope == Scope::kGlobal || global_->HasSiblings();
  return others ? global_->Submit(*canonical) : HandLocal(*canonical, carry);
}

Result<std::string> Engine::HandLocal(const ReloadRequest& request, bool carry) {
  Result<ReloadRequest> local = CheckRequest(request);
  if (!local.ok()) return local.status();
  std::optional<PluginRef> before;
  if (const auto& pin = local->pin) {
    const auto now = catalog_->FindPin(pin->type, pin->name);
    before = PluginRef{pin->type, pin->name, now ? now->version : std::string()};
    const Deadline deadline = After(kDefaultMutationTimeout);
    const Status set = pin->version.empty() ? catalog_->Unpin(pin->type, pin->name, deadline)
                                            : catalog_->SetPin(*pin, deadline);
    if (!set.ok()) return set;
  }
  local->scope = Scope::kLocal;
  std::set<std::string> names = planner_->Names(*local);
  return carry ? jobs_->Carry(*local, std::move(names), std::move(before))
               : jobs_->Submit(*local, std::move(names), std::move(before));
}

Result<ReloadRequest> Engine::CheckRequest(const ReloadRequest& request) {
  if (Status status = Admit("Submit"); !status.ok()) return status;
  if (Status status = planner_->Check(request); !status.ok()) return status;
  ReloadRequest canonical = request;
  canonical.ns = *CanonicalNamespace(request.ns);
  const auto find = [&]() -> Result<ReloadRequest> {
    if (tree_->Find(canonical.ns)) return canonical;
    return Status(Code::kNotFound, "namespace_not_found",
                  "there is no namespace \"" + canonical.ns + "\"");
  };
  return Surely(find, {NamespaceKey(canonical.ns)}, After(kLookTimeout));
}

// Without the store what is known here counts.
void Engine::AwaitNamed(std::string_view ns, const std::vector<std::string>& paths) const {
  std::vector<std::string> keys;
  for (const std::string& text : paths) {
    const std::string path = MountPathOf(text);
    if (tree_->FindNode(ns, path) != nullptr) continue;
    keys.push_back(MountKey(ns, path));
    if (keys.size() == kMostAwaited) break;
  }
  if (!keys.empty()) (void)applier_->CatchUp(keys, After(kLookTimeout));
}

bool Engine::AwaitNamespace(std::string_view ns) const {
  const Result<std::string> canonical = CanonicalNamespace(ns);
  return canonical.ok() &&
         applier_->CatchUp({NamespaceKey(*canonical)}, After(kLookTimeout)).ok() &&
         tree_->Find(*canonical).has_value();
}

Result<ReloadReport> Engine::Reload(const ReloadRequest& request) {
  const Result<std::string> id = Hand(request, true);
  if (!id.ok()) return id.status();
  // Bounded by the deadlines of the phases of this reload and of those before it.
  return Wait(*id, Deadline::max(), ReloadCoordinator::Until::kAnswer);
}

Result<ReloadPlan> Engine::Plan(const ReloadRequest& request) const {
  return planner_->DryRun(request);
}

Result<ReloadReport> Engine::Find(std::string_view reload_id) const {
  auto report = jobs_->Find(reload_id);
  if (global_ != nullptr) {
    if (Status status = global_->Describe(reload_id, report); !status.ok()) return status;
  }
  if (!report) return UnknownReload(reload_id);
  return *std::move(report);
}

Result<ReloadReport> Engine::Wait(std::string_view reload_id, Deadline deadline,
                                  ReloadCoordinator::Until until) const {
  if (Status status = fork_guard_.Check("Wait"); !status.ok()) return status;
  if (Status status = RefuseInCallback("Wait"); !status.ok()) return status;
  const Result<bool> global = global_ == nullptr ? false : global_->Knows(reload_id);
  if (!global.ok()) return global.status();
  if (*global) {
    std::optional<ReloadReport> seen;
    if (Status status = global_->Wait(reload_id, deadline, until, seen); !status.ok()) {
      return status;
    }
    if (!seen || seen->state < ReloadState::kDone) {
      return Find(reload_id);
    }
    // Not looked at again: the store may not answer any more, and the end would not be told.
    std::optional<ReloadReport> report = jobs_->Find(reload_id);
    if (!report) return *std::move(seen);
    report->requested_at_ms = seen->requested_at_ms;
    report->finished_at_ms = seen->finished_at_ms;
    report->revision = seen->revision;
    report->pin_before = std::move(seen->pin_before);
    report->members = std::move(seen->members);
    report->state = seen->state;
    return *std::move(report);
  }
  return jobs_->Wait(reload_id, deadline, until);
}

Status Engine::Cancel(std::string_view reload_id) {
  const Result<bool> global = global_ == nullptr ? false : global_->Knows(reload_id);
  if (!global.ok()) return global.status();
  return *global ? global_->Cancel(reload_id) : CancelLocal(reload_id);
}

Status Engine::CancelLocal(std::string_view reload_id) {
  Status status = jobs_->Cancel(reload_id);
  // One that was queued has ended by that.
  if (global_ != nullptr) global_->LocalAnswered();
  return status;
}

bool Engine::HasLocal(std::string_view reload_id) const { return jobs_->Has(reload_id); }

std::optional<ReloadReport> Engine::FindLocal(std::string_view reload_id) const {
  return jobs_->Find(reload_id);
}

Result<std::vector<MemberState>> Engine::Running(Deadline deadline) const {
  if (Status status = RefuseInCallback("Running"); !status.ok()) return status;
  if (global_ != nullptr) return global_->Running(deadline);
  return std::vector{OwnState()};
}

MountStatus Engine::StateOf(const MountNode& node) const {
  MountStatus status = slots_.Describe(static_cast<const Slot&>(*node.attachment));
  status.mount = node.entry;
  const MountEntry& mount = status.mount;
  const auto next =
      catalog_->Resolve(mount.type, mount.plugin, mount.version, mount.override_pinned_version);
  if (!next.ok() || status.generation == 0) return status;
  const PluginSpec& spec = next->spec;
  status.wanted_version = spec.ref.version;
  status.reload_needed = spec.ref.version != status.running_version ||
                         (!spec.sha256.empty() && spec.sha256 != status.running_sha256);
  return status;
}

std::vector<MountStatus> Engine::State(std::string_view ns, Reach reach) const {
  std::vector<MountStatus> states;
  const Depth depth = reach == Reach::kSubtree ? Depth::kSubtree : Depth::kSelf;
  for (const auto& node : tree_->Nodes(ns, depth)) states.push_back(StateOf(*node));
  return states;
}

std::vector<MountStatus> Engine::StatesAfter(std::string_view ns, std::string_view after,
                                             std::size_t most) const {
  std::vector<MountStatus> states;
  for (const auto& node : tree_->NodesAfter(ns, after, most)) states.push_back(StateOf(*node));
  return states;
}

std::optional<MountStatus> Engine::StateAt(std::string_view ns, std::string_view path) const {
  const auto node = tree_->FindNode(ns, path);
  return node == nullptr ? std::nullopt : std::optional(StateOf(*node));
}

Engine::Usage Engine::Use() {
  std::set<const Instance*> draining;
  for (const auto& instance : drainer_.Instances()) {
    if (!slots_.HasUsers(*instance)) draining.insert(instance.get());
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
