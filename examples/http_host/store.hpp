// http_host/store.hpp - where the catalog, pins, namespaces and mounts live.
#ifndef EXAMPLES_HTTP_HOST_STORE_HPP_
#define EXAMPLES_HTTP_HOST_STORE_HPP_

#include <memory>
#include <string>

#include "plugreload/store.hpp"

namespace example {

// "memory", "sqlite:FILE" of this machine, or "etcd:URL,URL,..." of a cluster. Throws
// std::invalid_argument with a message for the person who typed it.
std::shared_ptr<plugreload::StateStore> OpenStore(const std::string& text);

// A file in the directory, so that a restart brings every mount back; "memory" without a directory,
// or when the host was built without SQLite.
std::string DefaultStore(const std::string& directory);

}  // namespace example

#endif  // EXAMPLES_HTTP_HOST_STORE_HPP_
