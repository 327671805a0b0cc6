// A host of Vault's database plugins: one connection per mount, and users in it.
#pragma once

#include <grpcpp/channel.h>

#include <memory>
#include <string>
#include <vault_database.grpc.pb.h>

#include "plugreload/goplugin.hpp"

namespace plugreload::example {

// A database plugin that is initialised: for Host::Attach. The mount's options are the
// connection's configuration ("connection_url", ...). Destroying it closes the connection, before
// the plugin is stopped. For plugins that are not shared between mounts: of a shared one every
// mount would have its own, by MultiplexId of its leases.
class VaultDatabase {
 public:
  static Result<std::shared_ptr<VaultDatabase>> Initialize(const LaunchSpec& spec,
                                                           const InstanceInfo& info);
  ~VaultDatabase();
  VaultDatabase(const VaultDatabase&) = delete;
  VaultDatabase& operator=(const VaultDatabase&) = delete;

  // The name of the new user. Errors: kUnavailable "vault_database", with the plugin's words.
  Result<std::string> NewUser(const std::string& role, const std::string& password);
  Status ChangePassword(const std::string& user, const std::string& password);
  Status DeleteUser(const std::string& user);
  Result<std::string> Type();

 private:
  VaultDatabase(std::shared_ptr<grpc::Channel> channel, std::string id);
  void Prepare(grpc::ClientContext& context) const;

  const std::unique_ptr<dbplugin::v5::Database::Stub> stub_;
  const std::string id_;
};

}  // namespace plugreload::example
