#include <utility>

#include "namespaces/tree.hpp"
#include "plugreload/namespaces.hpp"

namespace plugreload {

NamespaceTree::NamespaceTree(std::shared_ptr<internal::Tree> tree) : tree_(std::move(tree)) {}

NamespaceTree::~NamespaceTree() = default;

Status NamespaceTree::Create(std::string_view ns,
                             std::map<std::string, std::string> custom_metadata,
                             Deadline deadline) {
  return tree_->Create(ns, std::move(custom_metadata), deadline);
}

Status NamespaceTree::SetMetadata(std::string_view ns,
                                  std::map<std::string, std::string> custom_metadata,
                                  Deadline deadline) {
  return tree_->SetMetadata(ns, std::move(custom_metadata), deadline);
}

Status NamespaceTree::Remove(std::string_view ns, Deadline deadline) {
  return tree_->Remove(ns, deadline);
}

std::optional<NamespaceInfo> NamespaceTree::Find(std::string_view ns) const {
  return tree_->Find(ns);
}

std::vector<NamespaceInfo> NamespaceTree::List(std::string_view ns, Depth depth) const {
  return tree_->List(ns, depth);
}

std::vector<MountEntry> NamespaceTree::Mounts(std::string_view ns, Depth depth) const {
  return tree_->Mounts(ns, depth);
}

std::optional<MountEntry> NamespaceTree::FindMount(std::string_view ns,
                                                   std::string_view path) const {
  return tree_->FindMount(ns, path);
}

Result<ResolvedMount> NamespaceTree::Resolve(std::string_view ns, std::string_view path) const {
  return tree_->ResolveCopy(ns, path);
}

}  // namespace plugreload
