#include "namespaces/edits.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/ids.hpp"
#include "namespaces/path_text.hpp"
#include "state/documents.hpp"
#include "state/keys.hpp"

namespace plugreload::internal {
namespace {

std::string Named(std::string_view ns) {
  return ns.empty() ? "the root namespace" : fmt::format("namespace \"{}\"", ns);
}

Status NoNamespace(std::string_view ns) {
  return Status(Code::kNotFound, "namespace_not_found",
                fmt::format("namespace not found: there is no {}", Named(ns)));
}

Status NoMount(std::string_view ns, std::string_view path) {
  return Status(Code::kNotFound, "mount_not_found",
                fmt::format("no mount at \"{}\" in {}", path, Named(ns)));
}

Change Touch(const TreeModel& model, std::string_view ns) {
  return {NamespaceGuardKey(ns), std::string(kGuardText), model.GuardRevision(ns)};
}

Status InUse(std::string_view ns, std::string_view path, std::string_view what) {
  return Status(Code::kAlreadyExists, "path_in_use",
                fmt::format("path is already in use at {}: mount \"{}\" in {} would lie at, above "
                            "or below it",
                            what, path, Named(ns)));
}

// Is `path` of `ns` free for a mount? `moving` is not in its own way.
Status CheckFree(const TreeModel& model, std::string_view ns, std::string_view path,
                 const MountEntry* moving) {
  if (model.FindNamespace(ns) == nullptr) return NoNamespace(ns);
  const std::string child = std::string(ns) + std::string(FirstSegment(path));
  if (model.FindNamespace(child) != nullptr) return InUse(ns, path, Named(child));
  const MountEntry* other = model.MountInTheWay(ns, path, moving);
  if (other == nullptr) return {};
  return InUse(ns, path, fmt::format("mount \"{}\"", other->path));
}

std::string NewAccessor(const TreeModel& model, const MountEntry& entry) {
  std::string name = entry.type == PluginType::kAuth ? "auth_" + entry.plugin : entry.plugin;
  std::replace_if(
      name.begin(), name.end(),
      [](char c) {
        return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 c == '_' || c == '-' || c == '.');
      },
      '_');
  for (;;) {
    std::string accessor = fmt::format("{}_{}", name, RandomHex(8));
    if (!model.HasAccessor(accessor)) return accessor;
  }
}

}  // namespace

Edit EditCreate(const TreeModel& model, const NamespaceInfo& info) {
  if (model.FindNamespace(info.path) != nullptr) {
    return Status(Code::kAlreadyExists, "namespace_exists",
                  fmt::format("{} exists already", Named(info.path)));
  }
  const std::string_view parent = ParentNamespace(info.path);
  if (model.FindNamespace(parent) == nullptr) {
    return NoNamespace(parent).WithContext(fmt::format("creating {}", Named(info.path)));
  }
  const std::string_view name = std::string_view(info.path).substr(parent.size());
  if (const MountEntry* mount = model.MountInTheWay(parent, name, nullptr)) {
    return Status(Code::kFailedPrecondition, "shadows_mount",
                  fmt::format("{} cannot be created: mount \"{}\" in {} has that path or one above "
                              "or below it; move or unmount it first",
                              Named(info.path), mount->path, Named(parent)));
  }
  return std::vector{Change{NamespaceKey(info.path), EncodeNamespace(info), 0},
                     Change{NamespaceGuardKey(info.path), std::string(kGuardText), 0},
                     Touch(model, parent)};
}

Edit EditMetadata(const TreeModel& model, std::string_view ns,
                  const std::map<std::string, std::string>& custom_metadata) {
  const NamespaceRecord* record = model.FindNamespace(ns);
  if (record == nullptr) return NoNamespace(ns);
  NamespaceInfo info = record->info;
  info.custom_metadata = custom_metadata;
  return std::vector{Change{NamespaceKey(ns), EncodeNamespace(info), record->revision}};
}

Edit EditRemove(const TreeModel& model, std::string_view ns) {
  if (ns.empty()) {
    return Status(Code::kInvalidArgument, "root_namespace", "the root namespace cannot be removed");
  }
  const NamespaceRecord* record = model.FindNamespace(ns);
  if (record == nullptr) return NoNamespace(ns);
  const bool mounts = model.HasMounts(ns);
  if (mounts || model.HasChildren(ns)) {
    return Status(Code::kFailedPrecondition, "namespace_not_empty",
                  fmt::format("{} cannot be removed: it still has {}; remove them first", Named(ns),
                              mounts ? "mounts" : "child namespaces"));
  }
  return std::vector{Change{NamespaceKey(ns), std::nullopt, record->revision},
                     Change{NamespaceGuardKey(ns), std::nullopt, model.GuardRevision(ns)}};
}

Edit EditAddMount(const TreeModel& model, MountEntry& entry) {
  const Status free = CheckFree(model, entry.ns, entry.path, nullptr);
  if (!free.ok()) return free;
  if (!entry.accessor.empty() && model.HasAccessor(entry.accessor)) {
    return Status(Code::kAlreadyExists, "accessor_in_use",
                  fmt::format("mount \"{}\" in {}: another mount has the accessor \"{}\"",
                              entry.path, Named(entry.ns), entry.accessor));
  }
  if (entry.accessor.empty()) entry.accessor = NewAccessor(model, entry);
  return std::vector{Change{MountKey(entry.ns, entry.path), EncodeMount(entry), 0},
                     Touch(model, entry.ns)};
}

Edit EditRemoveMount(const TreeModel& model, std::string_view ns, std::string_view path) {
  if (model.FindNamespace(ns) == nullptr) return NoNamespace(ns);
  const MountRecord* record = model.FindMount(ns, path);
  if (record == nullptr) return NoMount(ns, path);
  return std::vector{Change{MountKey(ns, path), std::nullopt, record->revision}, Touch(model, ns)};
}

Edit EditMove(const TreeModel& model, const MountId& from, const MountId& to) {
  if (model.FindNamespace(from.first) == nullptr) return NoNamespace(from.first);
  const MountRecord* record = model.FindMount(from.first, from.second);
  if (record == nullptr) return NoMount(from.first, from.second);
  MountEntry entry = record->node->entry;
  const Result<std::string> path = MountPathFor(entry.type, to.second);
  if (!path.ok()) return path.status();
  if (*path != to.second) {
    return Status(Code::kInvalidArgument, "invalid_path",
                  fmt::format("auth mount \"{}\" in {} cannot move to \"{}\": auth mounts stay "
                              "below auth/",
                              from.second, Named(from.first), to.second));
  }
  // In its own namespace it is not in its own way, except where it already is.
  const MountEntry* moving =
      from.first == to.first && from.second != to.second ? &record->node->entry : nullptr;
  const Status free = CheckFree(model, to.first, to.second, moving);
  if (!free.ok()) return free;
  entry.ns = to.first;
  entry.path = to.second;
  std::vector<Change> changes{{MountKey(from.first, from.second), std::nullopt, record->revision},
                              {MountKey(to.first, to.second), EncodeMount(entry), 0},
                              Touch(model, from.first)};
  if (from.first != to.first) changes.push_back(Touch(model, to.first));
  return changes;
}

Edit EditTune(const TreeModel& model, std::string_view ns, std::string_view path,
              const MountTune& tune) {
  if (model.FindNamespace(ns) == nullptr) return NoNamespace(ns);
  const MountRecord* record = model.FindMount(ns, path);
  if (record == nullptr) return NoMount(ns, path);
  MountEntry entry = record->node->entry;
  if (tune.version) entry.version = *tune.version;
  if (tune.description) entry.description = *tune.description;
  if (tune.options) entry.options = *tune.options;
  if (tune.override_pinned_version) {
    entry.override_pinned_version = *tune.override_pinned_version;
  }
  if (entry == record->node->entry) return std::vector<Change>();
  return std::vector{Change{MountKey(ns, path), EncodeMount(entry), record->revision}};
}

}  // namespace plugreload::internal
