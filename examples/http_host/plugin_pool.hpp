// http_host/plugin_pool.hpp - keep-alive connections to one instance of a plugin.
#ifndef EXAMPLES_HTTP_HOST_PLUGIN_POOL_HPP_
#define EXAMPLES_HTTP_HOST_PLUGIN_POOL_HPP_

#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "http/stream.hpp"

namespace example {

// What ExampleHost::Attach makes for an instance, and what leases on it hand out.
//
// Thread safety: safe for concurrent use.
class PluginPool {
 public:
  explicit PluginPool(std::string endpoint) : endpoint_(std::move(endpoint)) {}

  // An idle connection that is still good, or a new one.
  Stream Take(Clock::time_point deadline, error_code& error);
  Stream Connect(Clock::time_point deadline, error_code& error) const;
  // Keeps a connection whose last response was read to its end.
  void Give(Stream stream);

 private:
  const std::string endpoint_;
  std::mutex mutex_;
  std::vector<Stream> idle_;  // guarded by mutex_
};

}  // namespace example

#endif  // EXAMPLES_HTTP_HOST_PLUGIN_POOL_HPP_
