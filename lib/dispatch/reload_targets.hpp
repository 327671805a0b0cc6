// dispatch/reload_targets.hpp - what the mounts named in a reload request are.
#ifndef PLUGRELOAD_DISPATCH_RELOAD_TARGETS_HPP_
#define PLUGRELOAD_DISPATCH_RELOAD_TARGETS_HPP_

#include <string>
#include <string_view>
#include <vector>

#include "plugreload/namespaces.hpp"

namespace plugreload::internal {

// kMount: in the namespace of the request. kChild: a mount of a namespace below it, and kSystem: a
// path of sys; both are skipped without an error, as Vault does. kMissing: nothing is mounted
// there.
enum class TargetKind { kMount, kChild, kSystem, kMissing };

struct NamedTarget {
  std::string path;  // as Vault shows it: slash-terminated, without "sys/" before "auth/"
  TargetKind kind = TargetKind::kMissing;
};

// In the order given, each path once. Vault takes the longest prefix that is a mount; here a path
// must be the mount's, so that a mistyped one is told and not taken for its neighbour.
std::vector<NamedTarget> SortTargets(const NamespaceTree& namespaces, std::string_view ns,
                                     const std::vector<std::string>& names);

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_DISPATCH_RELOAD_TARGETS_HPP_
