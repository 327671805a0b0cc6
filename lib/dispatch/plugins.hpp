// dispatch/plugins.hpp - plugins of the catalog in requests and answers.
#ifndef PLUGRELOAD_DISPATCH_PLUGINS_HPP_
#define PLUGRELOAD_DISPATCH_PLUGINS_HPP_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dispatch/fields.hpp"
#include "dispatch/route.hpp"
#include "json/json.hpp"
#include "plugreload/registry.hpp"
#include "plugreload/status.hpp"
#include "plugreload/types.hpp"

namespace plugreload::internal {

// The plugin that the path names, without version; kUnknown when the path has no type.
PluginRef CapturedPlugin(const ApiCall& call);

// The canonical form of a version in a request. kInvalidArgument with Vault's text.
Result<std::string> PluginVersion(std::string_view text);
// Whether a canonical version is one of Vault's own plugins, which are not here.
bool IsBuiltinVersion(std::string_view version);

// The fields of sys/plugins/catalog/:type/:name, and the entry that a registration makes.
// Everything that PluginRegistry::Register does not check itself is checked, in Vault's order:
// kInvalidArgument.
std::span<const FieldSpec> RegistrationFields();
Result<PluginSpec> ParseRegistration(const ApiCall& call);

// Fills in what the plugin itself says, as Vault does: runs it, if its launcher can ask. Type and
// version that are missing are taken from it; a version that it does not have is refused, and so
// is a type that nobody tells. Otherwise a plugin that cannot be asked is registered as given, with
// a warning.
Status LearnFromPlugin(const ApiCall& call, PluginSpec& spec, std::vector<std::string>& warnings);

// An entry as it is read back. The environment and the cookie's value are never part of it: they
// may be secrets.
Json PluginData(const PluginSpec& spec);

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_DISPATCH_PLUGINS_HPP_
