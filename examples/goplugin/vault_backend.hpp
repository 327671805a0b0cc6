// A host of Vault's secrets plugins: what it keeps per instance, and one request to it.
#pragma once

#include <grpcpp/channel.h>
#include <grpcpp/server.h>

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vault.grpc.pb.h>
#include <vector>

#include "plugreload/goplugin.hpp"

namespace plugreload::example {

// What plugins store. Every mount has a place of its own, by its accessor.
//
// Thread safety: safe for concurrent use.
class VaultStorage {
 public:
  void Put(const std::string& key, std::string value);
  std::optional<std::string> Find(const std::string& key) const;
  void Remove(const std::string& key);
  // The next part of the keys below `prefix`, as Vault lists: "a", "b/".
  std::vector<std::string> List(const std::string& prefix) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::string> entries_;
};

// A plugin that is set up: for Host::Attach. Serves Storage to it on a socket in its own private
// directory; destroying it cleans the plugin up, before the plugin is stopped.
class VaultBackend {
 public:
  static Result<std::shared_ptr<VaultBackend>> SetUp(const LaunchSpec& spec,
                                                     const InstanceInfo& info,
                                                     std::shared_ptr<VaultStorage> storage);
  ~VaultBackend();
  VaultBackend(const VaultBackend&) = delete;
  VaultBackend& operator=(const VaultBackend&) = delete;

  // `data` and the answer are JSON; an empty answer: nothing is there. kUnavailable when the plugin
  // does not answer, kInvalidArgument when it refuses.
  Result<std::string> Handle(const PluginLease& lease, std::string_view operation,
                             std::string_view data);

 private:
  class StorageService;
  explicit VaultBackend(std::shared_ptr<grpc::Channel> channel);

  std::unique_ptr<StorageService> service_;
  std::unique_ptr<grpc::Server> server_;
  const std::unique_ptr<pb::Backend::Stub> stub_;
};

}  // namespace plugreload::example
