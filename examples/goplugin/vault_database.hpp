// A host of Vault's database plugins: one connection per mount, and users in it.
#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <string>
#include <vault_database.grpc.pb.h>

#include "plugreload/goplugin.hpp"

namespace plugreload::example {

// A database plugin that is initialised. The mount's options are the connection's configuration
// ("connection_url", ...). Destroying it closes the connection.
class VaultDatabase {
 public:
  // For Host::Attach, which is asked once for an instance: of plugins that are not shared between
  // mounts. It is destroyed before the plugin is stopped.
  static Result<std::shared_ptr<VaultDatabase>> Initialize(const LaunchSpec& spec,
                                                           const InstanceInfo& info);
  // Of a shared one every mount has its own, for as long as its generation serves.
  static Result<std::shared_ptr<VaultDatabase>> Initialize(const PluginLease& lease);
  ~VaultDatabase();
  VaultDatabase(const VaultDatabase&) = delete;
  VaultDatabase& operator=(const VaultDatabase&) = delete;

  // The name of the new user. Errors: kUnavailable "vault_database", with the plugin's words.
  Result<std::string> NewUser(const std::string& role, const std::string& password);
  Status ChangePassword(const std::string& user, const std::string& password);
  Status DeleteUser(const std::string& user);
  Result<std::string> Type();

 private:
  static Result<std::shared_ptr<VaultDatabase>> Initialize(const MountEntry& mount,
                                                           const InstanceInfo& info,
                                                           std::string id);
  VaultDatabase(std::shared_ptr<grpc::Channel> channel, std::string id);
  void Prepare(grpc::ClientContext& context) const;

  const std::unique_ptr<dbplugin::v5::Database::Stub> stub_;
  const std::string id_;
};

}  // namespace plugreload::example
