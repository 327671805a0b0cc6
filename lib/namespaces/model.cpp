#include "namespaces/model.hpp"

#include "namespaces/path_text.hpp"
#include "state/keys.hpp"

namespace plugreload::internal {
const NamespaceRecord* TreeModel::FindNamespace(std::string_view ns) const {
  const auto found = namespaces_.find(ns);
  return found == namespaces_.end() ? nullptr : &found->second;
}

const MountRecord* TreeModel::FindMount(std::string_view ns, std::string_view path) const {
  const auto found = mounts_.find({ns, path});
  return found == mounts_.end() ? nullptr : &found->second;
}

Revision TreeModel::GuardRevision(std::string_view ns) const {
  const auto found = guards_.find(ns);
  return found == guards_.end() ? 0 : found->second;
}

bool TreeModel::HasChildren(std::string_view ns) const {
  const auto next = namespaces_.upper_bound(ns);
  return next != namespaces_.end() && next->first.starts_with(ns);
}

bool TreeModel::HasMounts(std::string_view ns) const {
  const auto first = mounts_.lower_bound({ns, ""});
  return first != mounts_.end() && first->first.first == ns;
}

const MountEntry* TreeModel::MountInTheWay(std::string_view ns, std::string_view path,
                                           const MountEntry* except) const {
  for (auto it = mounts_.lower_bound({ns, path});
       it != mounts_.end() && it->first.first == ns && it->first.second.starts_with(path); ++it) {
    if (&it->second.node->entry != except) return &it->second.node->entry;
  }
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/', slash + 1)) {
    const MountRecord* above = FindMount(ns, path.substr(0, slash + 1));
    if (above != nullptr && &above->node->entry != except) return &above->node->entry;
  }
  return nullptr;
}

std::vector<NamespaceInfo> TreeModel::Namespaces(std::string_view ns, Depth depth) const {
  std::vector<NamespaceInfo> infos;
  for (auto it = namespaces_.lower_bound(ns); it != namespaces_.end() && it->first.starts_with(ns);
       ++it) {
    if ((it->first == ns) != (depth == Depth::kSelf)) continue;
    if (InReach(ns, it->first, depth)) infos.push_back(it->second.info);
    if (depth == Depth::kSelf) break;
  }
  return infos;
}

MountNodes TreeModel::Nodes(std::string_view ns, Depth depth) const {
  MountNodes nodes;
  for (auto it = mounts_.lower_bound({ns, ""});
       it != mounts_.end() && it->first.first.starts_with(ns); ++it) {
    if (depth == Depth::kSelf && it->first.first != ns) break;
    if (InReach(ns, it->first.first, depth)) nodes.push_back(it->second.node);
  }
  return nodes;
}

MountNodes TreeModel::NodesAfter(std::string_view ns, std::string_view after,
                                 std::size_t most) const {
  MountNodes nodes;
  for (auto it = mounts_.upper_bound({ns, after});
       it != mounts_.end() && it->first.first == ns && nodes.size() < most; ++it) {
    nodes.push_back(it->second.node);
  }
  return nodes;
}

MountNodes TreeModel::NodesOf(PluginType type, std::string_view plugin, std::string_view ns,
                              Depth depth) const {
  MountNodes nodes;
  const auto ids = by_plugin_.find(plugin);
  if (ids == by_plugin_.end()) return nodes;
  for (auto it = ids->second.lower_bound({ns, ""});
       it != ids->second.end() && it->first.first.starts_with(ns); ++it) {
    if (!InReach(ns, it->first.first, depth)) continue;
    const auto& node = it->second->node;
    if (type == PluginType::kUnknown || node->entry.type == type) nodes.push_back(node);
  }
  return nodes;
}

std::set<std::string> TreeModel::Keys() const {
  std::set<std::string> keys;
  for (const auto& [ns, record] : namespaces_) {
    if (record.revision != 0) keys.insert(NamespaceKey(ns));
  }
  for (const auto& [ns, revision] : guards_) keys.insert(NamespaceGuardKey(ns));
  for (const auto& [id, record] : mounts_) keys.insert(MountKey(id.first, id.second));
  return keys;
}

void TreeModel::PutNamespace(NamespaceInfo info, Revision revision) {
  std::string ns = info.path;
  namespaces_[std::move(ns)] = {std::move(info), revision};
}

void TreeModel::RemoveNamespace(std::string_view ns) {
  if (ns.empty()) {
    PutNamespace({"", "root", {}}, 0);
  } else if (const auto found = namespaces_.find(ns); found != namespaces_.end()) {
    namespaces_.erase(found);
  }
}

void TreeModel::PutGuard(const std::string& ns, Revision revision) {
  if (revision == 0) {
    guards_.erase(ns);
  } else {
    guards_[ns] = revision;
  }
}

void TreeModel::PutMount(std::shared_ptr<const MountNode> node, Revision revision) {
  const MountEntry& entry = node->entry;
  const MountPlace place{entry.ns, entry.path};
  RemoveMount(place);
  accessors_.insert(entry.accessor);
  const auto put = mounts_.emplace(place, MountRecord{std::move(node), revision}).first;
  by_plugin_[entry.plugin].emplace(place, &put->second);
}

void TreeModel::RemoveMount(const MountPlace& place) {
  const auto found = mounts_.find(place);
  if (found == mounts_.end()) return;
  const MountEntry& entry = found->second.node->entry;
  const auto places = by_plugin_.find(entry.plugin);
  places->second.erase(found->first);
  if (places->second.empty()) by_plugin_.erase(places);
  // Should two mounts carry one accessor, this one's: its text goes with it.
  auto accessor = accessors_.lower_bound(entry.accessor);
  while (accessor->data() != entry.accessor.data()) ++accessor;
  accessors_.erase(accessor);
  mounts_.erase(found);
}

}  // namespace plugreload::internal
