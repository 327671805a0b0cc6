// registry/validate.hpp - what Register checks before anything is committed.
#ifndef PLUGRELOAD_REGISTRY_VALIDATE_HPP_
#define PLUGRELOAD_REGISTRY_VALIDATE_HPP_

#include "plugreload/status.hpp"
#include "plugreload/types.hpp"
#include "registry/catalog.hpp"

namespace plugreload::internal {

// Checks everything that PluginRegistry::Register promises and makes version and sha256 canonical.
// Looks at the file system (symlinks) and at nothing else.
Status ValidateSpec(const CatalogOptions& options, PluginSpec& spec);

// Name and type of an entry: "invalid_name", "invalid_type".
Status ValidateIdentity(PluginType type, std::string_view name);

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_REGISTRY_VALIDATE_HPP_
