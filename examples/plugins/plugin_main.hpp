// plugins/plugin_main.hpp - what turns an HTTP handler into a plugin process.
#ifndef EXAMPLES_PLUGINS_PLUGIN_MAIN_HPP_
#define EXAMPLES_PLUGINS_PLUGIN_MAIN_HPP_

#include "http/server.hpp"

namespace example {

// Checks that a host started this process, serves `handler` on a socket in the directory that the
// host gave, tells so with the handshake line on stdout, and returns the exit status when the host
// asks the process to stop (SIGTERM) or is gone. Requests that run then are finished first.
int RunPlugin(const Handler& handler);

}  // namespace example

#endif  // EXAMPLES_PLUGINS_PLUGIN_MAIN_HPP_
