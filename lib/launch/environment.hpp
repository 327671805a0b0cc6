// launch/environment.hpp - the environment of a child: clean, and only what is promised.
#ifndef PLUGRELOAD_LAUNCH_ENVIRONMENT_HPP_
#define PLUGRELOAD_LAUNCH_ENVIRONMENT_HPP_

#include <string>
#include <vector>

#include "plugreload/launcher.hpp"

namespace plugreload::internal {

inline constexpr char kSocketDirectoryEntry[] = "PLUGIN_UNIX_SOCKET_DIR=";

// KEY=value of the named variables that the host has. Reads the host's environment, which must not
// be written to meanwhile: once, when a launcher is made.
std::vector<std::string> InheritedEnvironment(const std::vector<std::string>& names);

// `base`, then the plugin's own entries, then what the launcher promises; of two entries with the
// same key the later one counts.
std::vector<std::string> ChildEnvironment(const std::vector<std::string>& base,
                                          const LaunchSpec& spec, const std::string& directory);

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_LAUNCH_ENVIRONMENT_HPP_
