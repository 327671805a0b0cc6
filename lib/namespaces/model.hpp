// namespaces/model.hpp - namespaces, mounts and guards as the store has them, with their indexes.
#ifndef PLUGRELOAD_NAMESPACES_MODEL_HPP_
#define PLUGRELOAD_NAMESPACES_MODEL_HPP_

#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "namespaces/tree.hpp"

namespace plugreload::internal {

using MountId = std::pair<std::string, std::string>;  // namespace, path
using MountNodes = std::vector<std::shared_ptr<const MountNode>>;

// The same as a view: of the model's keys, which lie in the entries of its mounts.
using MountPlace = std::pair<std::string_view, std::string_view>;

struct NamespaceRecord {
  NamespaceInfo info;
  Revision revision = 0;  // 0: the root without a document
};

struct MountRecord {
  std::shared_ptr<const MountNode> node;
  Revision revision = 0;
};

// Paths are canonical throughout.
//
// Thread safety: none of its own.
class TreeModel {
 public:
  TreeModel() { RemoveNamespace(""); }
  TreeModel(const TreeModel&) = delete;  // it points into itself
  TreeModel& operator=(const TreeModel&) = delete;

  // Null when there is none.
  const NamespaceRecord* FindNamespace(std::string_view ns) const;
  const MountRecord* FindMount(std::string_view ns, std::string_view path) const;
  Revision GuardRevision(std::string_view ns) const;  // 0: no guard yet
  bool HasAccessor(std::string_view accessor) const { return accessors_.contains(accessor); }
  bool HasChildren(std::string_view ns) const;
  bool HasMounts(std::string_view ns) const;

  // The mount of `ns`, other than `except`, that has this path or one above or below it; null: it
  // is free.
  const MountEntry* MountInTheWay(std::string_view ns, std::string_view path,
                                  const MountEntry* except) const;

  // In the order of NamespaceTree's lists.
  std::vector<NamespaceInfo> Namespaces(std::string_view ns, Depth depth) const;
  MountNodes Nodes(std::string_view ns, Depth depth) const;
  // Of `ns` itself, `most` of those whose path is behind `after`, in their order.
  MountNodes NodesAfter(std::string_view ns, std::string_view after, std::size_t most) const;
  MountNodes NodesOf(PluginType type, std::string_view plugin, std::string_view ns,
                     Depth depth) const;
  // Keys of all documents behind it.
  std::set<std::string> Keys() const;

  void PutNamespace(NamespaceInfo info, Revision revision);
  // The root stays, with nothing in it.
  void RemoveNamespace(std::string_view ns);
  void PutGuard(const std::string& ns, Revision revision);  // 0 removes it
  void PutMount(std::shared_ptr<const MountNode> node, Revision revision);
  void RemoveMount(const MountPlace& place);

 private:
  std::map<std::string, NamespaceRecord, std::less<>> namespaces_;
  std::map<std::string, Revision, std::less<>> guards_;
  std::map<MountPlace, MountRecord> mounts_;
  std::map<std::string, std::map<MountPlace, const MountRecord*>, std::less<>> by_plugin_;
  std::multiset<std::string_view> accessors_;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_NAMESPACES_MODEL_HPP_
