// goplugin/inspect.hpp - asks a plugin what it is, in the words of Vault's protocols.
#ifndef PLUGRELOAD_GOPLUGIN_INSPECT_HPP_
#define PLUGRELOAD_GOPLUGIN_INSPECT_HPP_

#include <functional>
#include <memory>

#include "plugreload/launcher.hpp"

namespace plugreload::goplugin {

using StartFunction =
    std::function<Result<std::unique_ptr<PluginInstance>>(const LaunchSpec&, const StartContext&)>;

// Launcher::Inspect. Without a handshake in the plugin's spec those of Vault's plugins are tried
// and then the host's: a plugin that is shown the wrong cookie ends at once. Type and version are
// what Vault's services Backend, Database and PluginVersion answer; a plugin that serves none of
// them tells nothing, and that is no error.
Result<PluginFacts> Inspect(const StartFunction& start, const LaunchSpec& spec,
                            const StartContext& context);

}  // namespace plugreload::goplugin

#endif  // PLUGRELOAD_GOPLUGIN_INSPECT_HPP_
