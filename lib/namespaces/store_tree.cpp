#include "namespaces/store_tree.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/ids.hpp"
#include "namespaces/path_text.hpp"
#include "plugreload/registry.hpp"
#include "state/keys.hpp"

namespace plugreload::internal {
namespace {

// Everything about an entry that needs no look at the tree.
Result<MountEntry> Canonical(MountEntry entry) {
  const bool typed = entry.type == PluginType::kAuth || entry.type == PluginType::kDatabase ||
                     entry.type == PluginType::kSecret;
  if (!typed) {
    return Status(
        Code::kInvalidArgument, "invalid_type",
        fmt::format("mount \"{}\": the type must be auth, database or secret", Shown(entry.path)));
  }
  if (entry.plugin.empty()) {
    return Status(Code::kInvalidArgument, "invalid_name",
                  fmt::format("mount \"{}\": missing plugin name", Shown(entry.path)));
  }
  Result<std::string> ns = CanonicalNamespace(entry.ns);
  if (!ns.ok()) return ns.status();
  Result<std::string> path = MountPathFor(entry.type, entry.path);
  if (!path.ok()) return path.status();
  entry.ns = *std::move(ns);
  entry.path = *std::move(path);
  if (entry.version.empty()) return entry;
  Result<std::string> version = CanonicalVersion(entry.version);
  if (!version.ok()) return version.status();
  entry.version = *std::move(version);
  return entry;
}

Result<MountId> CanonicalId(std::string_view ns, std::string_view path) {
  Result<std::string> canonical_ns = CanonicalNamespace(ns);
  if (!canonical_ns.ok()) return canonical_ns.status();
  Result<std::string> canonical_path = CanonicalMountPath(path);
  if (!canonical_path.ok()) return canonical_path.status();
  return MountId{*std::move(canonical_ns), *std::move(canonical_path)};
}

}  // namespace

template <typename MakeEdit>
Status StoreTree::Commit(MakeEdit edit, Deadline deadline, const std::vector<std::string>& needs) {
  return applier_->Commit(
      [&]() -> Edit {
        MutexLock lock(mutex_);
        return edit(model_);
      },
      deadline, needs);
}

Status StoreTree::Create(std::string_view ns, std::map<std::string, std::string> custom_metadata,
                         Deadline deadline) {
  Result<std::string> path = CanonicalNamespace(ns);
  if (!path.ok()) return path.status();
  const NamespaceInfo info{*std::move(path), NewUuid(), std::move(custom_metadata)};
  return Commit([&](const TreeModel& model) { return EditCreate(model, info); }, deadline,
                {NamespaceKey(ParentNamespace(info.path))});
}

Status StoreTree::SetMetadata(std::string_view ns,
                              std::map<std::string, std::string> custom_metadata,
                              Deadline deadline) {
  const Result<std::string> path = CanonicalNamespace(ns);
  if (!path.ok()) return path.status();
  return Commit([&](const TreeModel& model) { return EditMetadata(model, *path, custom_metadata); },
                deadline, {NamespaceKey(*path)});
}

Status StoreTree::Remove(std::string_view ns, Deadline deadline) {
  const Result<std::string> path = CanonicalNamespace(ns);
  if (!path.ok()) return path.status();
  return Commit([&](const TreeModel& model) { return EditRemove(model, *path); }, deadline,
                {NamespaceKey(*path)});
}

std::optional<NamespaceInfo> StoreTree::Find(std::string_view ns) const {
  const Result<std::string> path = CanonicalNamespace(ns);
  if (!path.ok()) return std::nullopt;
  MutexLock lock(mutex_);
  const NamespaceRecord* record = model_.FindNamespace(*path);
  return record == nullptr ? std::nullopt : std::optional(record->info);
}

std::vector<NamespaceInfo> StoreTree::List(std::string_view ns, Depth depth) const {
  const Result<std::string> path = CanonicalNamespace(ns);
  if (!path.ok()) return {};
  MutexLock lock(mutex_);
  return model_.Namespaces(*path, depth);
}

std::vector<MountEntry> StoreTree::Mounts(std::string_view ns, Depth depth) const {
  std::vector<MountEntry> entries;
  for (const auto& node : Nodes(ns, depth)) entries.push_back(node->entry);
  return entries;
}

std::optional<MountEntry> StoreTree::FindMount(std::string_view ns, std::string_view path) const {
  const auto node = FindNode(ns, path);
  return node == nullptr ? std::nullopt : std::optional(node->entry);
}

Result<ResolvedMount> StoreTree::ResolveCopy(std::string_view ns, std::string_view path) const {
  bool namespace_found = false;
  SectionRecord* record = domain_->Record();
  if (record == nullptr) {
    return Status(Code::kResourceExhausted, "no_memory", "no memory for a reader of the tree");
  }
  {
    const Section section(*domain_, *record);
    const Lookup lookup = Resolve(ns, path);
    if (lookup.node != nullptr) return ResolvedMount{lookup.node->entry, std::string(lookup.rest)};
    namespace_found = lookup.namespace_found;
  }
  if (!namespace_found) {
    return Status(Code::kNotFound, "namespace_not_found",
                  fmt::format("namespace not found: there is no namespace \"{}\"", Shown(ns)));
  }
  return Status(
      Code::kNotFound, "mount_not_found",
      fmt::format("nothing is mounted at \"{}\" in namespace \"{}\"", Shown(path), Shown(ns)));
}

Result<MountEntry> StoreTree::AddMount(MountEntry entry, Deadline deadline,
                                       const Applier::Edit& also) {
  const Result<MountEntry> canonical = Canonical(std::move(entry));
  if (!canonical.ok()) return canonical.status();
  MountEntry added;
  const Status status = Commit(
      [&](const TreeModel& model) {
        added = *canonical;  // a lost compare begins anew, with another accessor
        Edit changes = EditAddMount(model, added);
        if (!changes.ok() || !also) return changes;
        const Edit more = also();
        if (!more.ok()) return more;
        changes->insert(changes->end(), more->begin(), more->end());
        return changes;
      },
      deadline, {NamespaceKey(canonical->ns)});
  if (!status.ok()) return status;
  return added;
}

Result<MountEntry> StoreTree::CheckMount(MountEntry entry) const {
  Result<MountEntry> canonical = Canonical(std::move(entry));
  if (!canonical.ok()) return canonical;
  MutexLock lock(mutex_);
  const Edit edit = EditAddMount(model_, *canonical);
  if (!edit.ok()) return edit.status();
  return canonical;
}

Status StoreTree::RemoveMount(std::string_view ns, std::string_view path, Deadline deadline) {
  const Result<MountId> id = CanonicalId(ns, path);
  if (!id.ok()) return id.status();
  return Commit(
      [&](const TreeModel& model) { return EditRemoveMount(model, id->first, id->second); },
      deadline, {NamespaceKey(id->first), MountKey(id->first, id->second)});
}

Status StoreTree::MoveMount(std::string_view from_ns, std::string_view from, std::string_view to_ns,
                            std::string_view to, Deadline deadline) {
  const Result<MountId> source = CanonicalId(from_ns, from);
  if (!source.ok()) return source.status();
  const Result<MountId> target = CanonicalId(to_ns, to);
  if (!target.ok()) return target.status();
  return Commit([&](const TreeModel& model) { return EditMove(model, *source, *target); }, deadline,
                {NamespaceKey(source->first), MountKey(source->first, source->second),
                 NamespaceKey(target->first)});
}

Status StoreTree::TuneMount(std::string_view ns, std::string_view path, const MountTune& tune,
                            Deadline deadline) {
  const Result<MountId> id = CanonicalId(ns, path);
  if (!id.ok()) return id.status();
  MountTune canonical = tune;
  if (tune.version && !tune.version->empty()) {
    Result<std::string> version = CanonicalVersion(*tune.version);
    if (!version.ok()) return version.status();
    canonical.version = *std::move(version);
  }
  return Commit(
      [&](const TreeModel& model) { return EditTune(model, id->first, id->second, canonical); },
      deadline, {NamespaceKey(id->first), MountKey(id->first, id->second)});
}

MountNodes StoreTree::MountsOf(PluginType type, std::string_view plugin, std::string_view ns,
                               Depth depth) const {
  const Result<std::string> path = CanonicalNamespace(ns);
  if (!path.ok()) return {};
  MutexLock lock(mutex_);
  return model_.NodesOf(type, plugin, *path, depth);
}

MountNodes StoreTree::Nodes(std::string_view ns, Depth depth) const {
  const Result<std::string> path = CanonicalNamespace(ns);
  if (!path.ok()) return {};
  MutexLock lock(mutex_);
  return model_.Nodes(*path, depth);
}

MountNodes StoreTree::NodesAfter(std::string_view ns, std::string_view after,
                                 std::size_t most) const {
  const Result<std::string> path = CanonicalNamespace(ns);
  if (!path.ok()) return {};
  MutexLock lock(mutex_);
  return model_.NodesAfter(*path, after, most);
}

std::shared_ptr<const MountNode> StoreTree::FindNode(std::string_view ns,
                                                     std::string_view path) const {
  const Result<MountId> id = CanonicalId(ns, path);
  if (!id.ok()) return nullptr;
  MutexLock lock(mutex_);
  const MountRecord* record = model_.FindMount(id->first, id->second);
  return record == nullptr ? nullptr : record->node;
}

std::shared_ptr<Tree> Tree::Create(SectionDomain* domain) {
  return std::make_shared<StoreTree>(domain);
}

}  // namespace plugreload::internal
