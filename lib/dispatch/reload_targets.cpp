#include "dispatch/reload_targets.hpp"

#include <set>
#include <utility>

namespace plugreload::internal {
namespace {

constexpr std::string_view kSystemPrefix = "sys/";
constexpr std::string_view kSystemAuthPrefix = "sys/auth/";

std::string Shown(std::string_view name) {
  if (name.starts_with(kSystemAuthPrefix)) name.remove_prefix(kSystemPrefix.size());
  std::string path(name);
  if (!path.ends_with('/')) path += '/';
  return path;
}

TargetKind KindOf(const NamespaceTree& namespaces, std::string_view ns, std::string_view path) {
  if (namespaces.FindMount(ns, path)) return TargetKind::kMount;
  if (path.starts_with(kSystemPrefix)) return TargetKind::kSystem;
  const auto resolved = namespaces.Resolve(ns, path);
  if (resolved.ok() && resolved->rest.empty() && resolved->mount.ns != ns &&
      resolved->mount.ns + resolved->mount.path == std::string(ns) + std::string(path)) {
    return TargetKind::kChild;
  }
  return TargetKind::kMissing;
}

}  // namespace

std::vector<NamedTarget> SortTargets(const NamespaceTree& namespaces, std::string_view ns,
                                     const std::vector<std::string>& names) {
  std::vector<NamedTarget> targets;
  std::set<std::string> seen;
  for (const std::string& name : names) {
    std::string path = Shown(name);
    if (!seen.insert(path).second) continue;
    const TargetKind kind = KindOf(namespaces, ns, path);
    targets.push_back({std::move(path), kind});
  }
  return targets;
}

}  // namespace plugreload::internal
