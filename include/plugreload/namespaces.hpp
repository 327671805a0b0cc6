// plugreload/namespaces.hpp - the tree of namespaces and the plugins mounted in it.
#ifndef PLUGRELOAD_NAMESPACES_HPP_
#define PLUGRELOAD_NAMESPACES_HPP_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugreload/export.hpp"
#include "plugreload/status.hpp"
#include "plugreload/types.hpp"

namespace plugreload {

namespace internal {
class Tree;
}

// How far below a namespace a call looks: the namespace itself, its direct children, or all of
// them.
enum class Depth : std::int32_t { kSelf = 0, kChildren = 1, kSubtree = 2 };

struct NamespaceInfo {
  std::string path;  // canonical; "" is the root
  std::string id;    // unique for ever; "root" for the root
  std::map<std::string, std::string> custom_metadata;

  bool operator==(const NamespaceInfo&) const = default;
};

// What a request path leads to.
struct ResolvedMount {
  MountEntry mount;
  std::string rest;  // of the path, behind the mount's; may be empty
};

// The tree: which namespaces there are, what is mounted in them, and which mount a path leads to.
// One per runtime, owned by it; an image of the runtime's StateStore.
//
// Every namespace argument may have leading and trailing slashes; "" and "root" are the root. Names
// may not be root, sys, audit, auth, cubbyhole, identity, "." or "..", nor contain a control
// character, a space, '+', '*' or NUL. Mounting, unmounting and moving start, stop or drain
// instances and are ReloadCoordinator's.
//
// Mutators block as PluginRegistry's do. Readers see one whole revision and never wait for a
// writer.
//
// Thread safety: safe for concurrent use.
class PLUGRELOAD_EXPORT NamespaceTree {
 public:
  explicit NamespaceTree(std::shared_ptr<internal::Tree> tree);
  ~NamespaceTree();
  NamespaceTree(const NamespaceTree&) = delete;
  NamespaceTree& operator=(const NamespaceTree&) = delete;

  // Makes one namespace. kNotFound when its parent does not exist ("namespace_not_found"),
  // kAlreadyExists, kInvalidArgument for a reserved or malformed name, kFailedPrecondition
  // "shadows_mount" when a mount of the parent has that path, lies below it or above it.
  Status Create(std::string_view ns, std::map<std::string, std::string> custom_metadata = {},
                Deadline deadline = After(kDefaultMutationTimeout));
  // Replaces the metadata of an existing namespace.
  Status SetMetadata(std::string_view ns, std::map<std::string, std::string> custom_metadata,
                     Deadline deadline = After(kDefaultMutationTimeout));
  // kFailedPrecondition "namespace_not_empty" while it has children or mounts; the root cannot go.
  Status Remove(std::string_view ns, Deadline deadline = After(kDefaultMutationTimeout));

  std::optional<NamespaceInfo> Find(std::string_view ns) const;
  // Sorted by path. kSelf gives the namespace itself; the others do not include it.
  std::vector<NamespaceInfo> List(std::string_view ns, Depth depth) const;

  // The mounts of a namespace (kSelf), of it and its children, or of the whole subtree; sorted by
  // namespace, then path.
  std::vector<MountEntry> Mounts(std::string_view ns, Depth depth) const;
  // The mount at exactly this path ("auth/..." for auth mounts), trailing slash optional.
  std::optional<MountEntry> FindMount(std::string_view ns, std::string_view path) const;

  // Where a request goes: `path` may lead on into child namespaces; then the longest mount prefix
  // wins. kNotFound "namespace_not_found" or "mount_not_found". A copy, for inspection:
  // ReloadCoordinator::Acquire does the same without allocating.
  Result<ResolvedMount> Resolve(std::string_view ns, std::string_view path) const;

 private:
  std::shared_ptr<internal::Tree> tree_;
};

// "team/project/" from "/team/project", "" from "", "/" and "root". kInvalidArgument for an empty
// segment inside, a reserved or malformed name, or more than 4096 bytes.
PLUGRELOAD_EXPORT Result<std::string> CanonicalNamespace(std::string_view ns);
// "kv/" from "kv" and "kv/". kInvalidArgument for an empty path, a leading slash, an empty, "." or
// ".." segment, a control character, or more than 4096 bytes.
PLUGRELOAD_EXPORT Result<std::string> CanonicalMountPath(std::string_view path);

}  // namespace plugreload

#endif  // PLUGRELOAD_NAMESPACES_HPP_
