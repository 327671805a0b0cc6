#include "reload/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace plugreload::internal {

std::string MountPathOf(std::string_view path) {
  if (path.starts_with("sys/auth/")) path.remove_prefix(4);
  std::string text(path);
  if (!text.ends_with('/')) text += '/';
  return text;
}

namespace {

std::shared_ptr<Slot> SlotOf(const MountNode& node) {
  return std::static_pointer_cast<Slot>(node.attachment);
}

Status Invalid(std::string_view reason, std::string_view message) {
  return Status(Code::kInvalidArgument, reason, message);
}

}  // namespace

Status Planner::Check(const ReloadRequest& request) const {
  if (const auto* plugin = std::get_if<ByPlugin>(&request.target)) {
    if (plugin->name.empty()) return Invalid("missing_plugin", "the plugin's name is empty");
  } else if (std::get<ByMounts>(request.target).paths.empty()) {
    return Invalid("missing_mounts", "no mounts are named");
  }
  if (request.order == Order::kStopFirst && request.policy == Policy::kAllOrNothing) {
    return Invalid("order_conflict",
                   "stop_first cannot be all_or_nothing: what has been stopped cannot be kept; "
                   "choose start_first or best_effort");
  }
  for (const auto& timeout : {request.start_timeout, request.drain_timeout}) {
    if (timeout && *timeout < Millis(0)) return Invalid("invalid_timeout", "a timeout is negative");
  }
  return CanonicalNamespace(request.ns).status();
}

std::set<std::string> Planner::Names(const ReloadRequest& request) const {
  if (const auto* plugin = std::get_if<ByPlugin>(&request.target)) return {plugin->name};
  std::set<std::string> names;
  for (const std::string& path : std::get<ByMounts>(request.target).paths) {
    const auto node = tree_->FindNode(request.ns, MountPathOf(path));
    if (node != nullptr) names.insert(node->entry.plugin);
  }
  return names;
}

std::vector<PlannedMount> Planner::Find(const ReloadRequest& request, const std::string& ns) const {
  std::vector<PlannedMount> mounts;
  if (const auto* plugin = std::get_if<ByPlugin>(&request.target)) {
    const Depth depth = request.reach == Reach::kSubtree ? Depth::kSubtree : Depth::kSelf;
    auto nodes = tree_->MountsOf(plugin->type, plugin->name, ns, depth);
    mounts.reserve(nodes.size());
    for (auto& node : nodes) {
      PlannedMount& mount = mounts.emplace_back();
      mount.slot = SlotOf(*node);
      mount.node = std::move(node);
    }
  } else {
    std::set<std::string> seen;
    for (const std::string& text : std::get<ByMounts>(request.target).paths) {
      const std::string path = MountPathOf(text);
      if (!seen.insert(path).second) continue;
      PlannedMount& mount = mounts.emplace_back();
      if ((mount.node = tree_->FindNode(ns, path)) != nullptr) {
        mount.slot = SlotOf(*mount.node);
      } else {
        auto none = std::make_shared<MountEntry>();
        none->ns = ns;
        none->path = path;
        mount.node = std::make_shared<const MountNode>(std::move(none), nullptr, 0);
        mount.status = Status(Code::kNotFound, "mount_not_found",
                              fmt::format("cannot fetch mount entry on \"{}\"", path));
      }
    }
    std::sort(mounts.begin(), mounts.end(), [](const PlannedMount& a, const PlannedMount& b) {
      return std::tie(a.entry().ns, a.entry().path) < std::tie(b.entry().ns, b.entry().path);
    });
  }
  return mounts;
}

// Remembers what it has looked up: very many mounts run very few plugins.
class Planner::Resolver {
 public:
  Resolver(const Catalog* catalog, std::vector<std::string>& keys)
      : catalog_(catalog), keys_(keys) {}

  // Fills in what would run, and the group that it would run for.
  Status Resolve(PlannedMount& mount) {
    const MountEntry& entry = mount.entry();
    if (last_ == nullptr || !last_->For(entry)) last_ = &Look(entry);
    if (last_->resolution == nullptr) return last_->status;
    mount.resolution = last_->resolution;
    const std::string_view circle = ProcessCircle(last_->resolution->spec, entry);
    if (!last_->group || last_->circle != circle) {
      std::string key = ProcessKey(last_->base, circle);
      const auto [group, fresh] = groups_.emplace(std::move(key), keys_.size());
      if (fresh) keys_.push_back(group->first);
      last_->group = group->second;
      last_->circle = circle;
    }
    mount.group = *last_->group;
    return {};
  }

 private:
  struct Known {
    PluginRef stored;  // what the mount says
    bool overrides = false;
    std::shared_ptr<const Resolution> resolution;  // null: `status`
    Status status;
    std::string base;
    // Of the last mount.
    std::string circle;
    std::optional<std::size_t> group;

    bool For(const MountEntry& entry) const {
      return stored.name == entry.plugin && stored.version == entry.version &&
             stored.type == entry.type && overrides == entry.override_pinned_version;
    }
  };

  Known& Look(const MountEntry& entry) {
    const auto [at, fresh] = known_.try_emplace(
        {entry.plugin, entry.version, entry.type, entry.override_pinned_version});
    Known& known = at->second;
    if (!fresh) return known;
    known.stored = {entry.type, entry.plugin, entry.version};
    known.overrides = entry.override_pinned_version;
    Result<Resolution> found =
        catalog_->Resolve(entry.type, entry.plugin, entry.version, entry.override_pinned_version);
    if (found.ok()) {
      known.base = ProcessKeyBase(found->spec);
      known.resolution = std::make_shared<const Resolution>(*std::move(found));
    } else {
      known.status = found.status();
    }
    return known;
  }

  const Catalog* const catalog_;
  std::vector<std::string>& keys_;
  std::map<std::tuple<std::string, std::string, PluginType, bool>, Known> known_;
  std::map<std::string, std::size_t> groups_;
  Known* last_ = nullptr;
};

void Planner::Complete(const ReloadRequest& request, Resolver& resolver, PlannedMount& mount) {
  if (mount.now.state == MountState::kIdle) {
    mount.skip = true;
    mount.status = Status(Code::kFailedPrecondition, "not_started",
                          "the mount is lazy and has not been used yet: its first request starts "
                          "the version that is right then");
    return;
  }
  mount.status = resolver.Resolve(mount);
  if (!mount.status.ok()) return;
  const PluginSpec& spec = mount.resolution->spec;
  mount.order = request.order.value_or(spec.order);
  if (mount.order == Order::kStopFirst && request.policy == Policy::kAllOrNothing) {
    mount.status = Status(Code::kFailedPrecondition, "order_conflict",
                          fmt::format("the plugin {} is registered as stop_first, which cannot be "
                                      "all_or_nothing",
                                      spec.ref.name));
  }
}

Result<Planned> Planner::Plan(const ReloadRequest& request) const {
  const Result<std::string> ns = CanonicalNamespace(request.ns);
  if (!ns.ok()) return ns.status();
  if (!tree_->Find(*ns)) {
    return Status(Code::kNotFound, "namespace_not_found",
                  fmt::format("there is no namespace \"{}\"", *ns));
  }
  Planned planned;
  planned.revision = applier_->applied();
  planned.mounts = Find(request, *ns);
  std::vector<const Slot*> slots;
  slots.reserve(planned.mounts.size());
  for (const PlannedMount& mount : planned.mounts) slots.push_back(mount.slot.get());
  std::vector<Slots::Seen> seen = slots_->See(slots);
  Resolver resolver(catalog_, planned.keys);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    PlannedMount& mount = planned.mounts[i];
    mount.now = std::move(seen[i]);
    if (mount.status.ok()) Complete(request, resolver, mount);
  }
  return planned;
}

std::vector<std::shared_ptr<Slot>> SlotsOf(const Planned& planned, std::size_t group) {
  std::vector<std::shared_ptr<Slot>> slots;
  for (const PlannedMount& mount : planned.mounts) {
    if (mount.status.ok() && !mount.skip && mount.group == group) slots.push_back(mount.slot);
  }
  return slots;
}

Result<ReloadPlan> Planner::DryRun(const ReloadRequest& request) const {
  if (const Status status = Check(request); !status.ok()) return status;
  Result<Planned> planned = Plan(request);
  if (!planned.ok()) return planned.status();
  ReloadPlan plan;
  plan.revision = planned->revision;
  std::map<std::size_t, std::size_t> processes;
  std::set<const Slot*> inside;
  for (const PlannedMount& mount : planned->mounts) inside.insert(mount.slot.get());
  std::set<std::string> neighbours;
  for (PlannedMount& mount : planned->mounts) {
    ReloadPlan::Item& item = plan.items.emplace_back();
    item.mount = mount.entry();
    if (mount.now.facts != nullptr) {
      item.running_version = mount.now.facts->spec.plugin.ref.version;
    }
    item.would_skip = mount.skip;
    item.status = mount.skip ? Status() : mount.status;
    if (mount.resolution && mount.status.ok()) {
      item.target_version = mount.resolution->spec.ref.version;
      item.rule = mount.resolution->rule;
      item.order = mount.order;
      item.process = processes.emplace(mount.group, processes.size()).first->second;
    }
    if (item.order == Order::kStopFirst && item.status.ok() && !item.would_skip) {
      item.status = slots_->CheckAlone(SlotsOf(*planned, mount.group));
    }
    const auto instance = mount.slot == nullptr ? nullptr : slots_->Serving(*mount.slot);
    if (instance == nullptr) continue;
    for (const auto& user : slots_->UsersOf(*instance)) {
      const MountEntry entry = slots_->Entry(*user.slot);
      if (inside.contains(user.slot.get()) || !neighbours.insert(entry.accessor).second) continue;
      plan.neighbours.push_back(entry);
    }
  }
  plan.processes = processes.size();
  return plan;
}

}  // namespace plugreload::internal
