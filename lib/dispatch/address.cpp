#include "dispatch/address.hpp"

#include <cstddef>

namespace plugreload::internal {

Address Locate(const NamespaceTree& namespaces, std::string_view header, std::string_view path) {
  Address address;
  auto canonical = CanonicalNamespace(header);
  if (!canonical.ok() || !namespaces.Find(*canonical)) {
    address.ns = canonical.ok() ? *canonical : std::string(header);
    address.path = std::string(path);
    address.exists = false;
    return address;
  }
  address.ns = *std::move(canonical);
  for (;;) {
    const std::size_t slash = path.find('/');
    if (slash == 0 || slash == std::string_view::npos) break;
    std::string below = address.ns + std::string(path.substr(0, slash + 1));
    // "root" names the root namespace only as a whole, not as a segment of a path.
    if (path.substr(0, slash) == "root" || !namespaces.Find(below)) break;
    address.ns = std::move(below);
    path.remove_prefix(slash + 1);
  }
  address.path = std::string(path);
  return address;
}

}  // namespace plugreload::internal
