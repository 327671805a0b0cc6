// dispatch/dispatcher.hpp - from a Vault-shaped request to the library and back.
#ifndef PLUGRELOAD_DISPATCH_DISPATCHER_HPP_
#define PLUGRELOAD_DISPATCH_DISPATCHER_HPP_

#include <memory>
#include <string>

#include "plugreload/runtime.hpp"

namespace plugreload::internal {

class Engine;
struct Meters;

// Thread safety: safe for concurrent use.
class Dispatcher {
 public:
  // Everything but the options must outlive the dispatcher.
  static std::unique_ptr<Dispatcher> Create(const RuntimeOptions& options, Host& host,
                                            PluginRegistry& registry, NamespaceTree& namespaces,
                                            ReloadCoordinator& reloads, Engine& engine,
                                            Meters& meters);
  virtual ~Dispatcher() = default;

  virtual Response Handle(const Request& request) = 0;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_DISPATCH_DISPATCHER_HPP_
