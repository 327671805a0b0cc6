#include "vault_database.hpp"

#include <chrono>
#include <utility>

namespace plugreload::example {
namespace {

namespace pb = dbplugin::v5;

constexpr Millis kPatience{10'000};

Status FromGrpc(const char* what, const grpc::Status& status) {
  if (status.ok()) return {};
  return Status(Code::kUnavailable, "vault_database",
                std::string(what) + " of the plugin: " + status.error_message());
}

}  // namespace

VaultDatabase::VaultDatabase(std::shared_ptr<grpc::Channel> channel, std::string id)
    : stub_(pb::Database::NewStub(channel)), id_(std::move(id)) {}

// One process may serve many: which of them a call is for stands in its metadata.
void VaultDatabase::Prepare(grpc::ClientContext& context) const {
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  context.AddMetadata(kMultiplexIdKey, id_);
}

Result<std::shared_ptr<VaultDatabase>> VaultDatabase::Initialize(const LaunchSpec& spec,
                                                                 const InstanceInfo& info) {
  return Initialize(spec.mount, info, spec.mount.accessor + "." + spec.instance);
}

Result<std::shared_ptr<VaultDatabase>> VaultDatabase::Initialize(const PluginLease& lease) {
  return Initialize(lease.mount(), lease.instance(), MultiplexId(lease));
}

Result<std::shared_ptr<VaultDatabase>> VaultDatabase::Initialize(const MountEntry& mount,
                                                                 const InstanceInfo& info,
                                                                 std::string id) {
  auto channel = ChannelOf(info);
  if (channel == nullptr) {
    return Status(Code::kFailedPrecondition, "vault_database",
                  "it was not started by a launcher for go-plugin");
  }
  std::shared_ptr<VaultDatabase> database(new VaultDatabase(std::move(channel), std::move(id)));
  pb::InitializeRequest request;
  auto& config = *request.mutable_config_data()->mutable_fields();
  for (const auto& [key, value] : mount.options) config[key].set_string_value(value);
  request.set_verify_connection(true);
  pb::InitializeResponse response;
  grpc::ClientContext context;
  database->Prepare(context);
  const Status status =
      FromGrpc("Initialize", database->stub_->Initialize(&context, request, &response));
  if (!status.ok()) return status;
  return database;
}

VaultDatabase::~VaultDatabase() {
  grpc::ClientContext context;
  Prepare(context);
  pb::Empty answer;
  // A plugin that has crashed needs no closing, and one that was never initialised has nothing.
  [[maybe_unused]] const grpc::Status status = stub_->Close(&context, {}, &answer);
}

Result<std::string> VaultDatabase::NewUser(const std::string& role, const std::string& password) {
  pb::NewUserRequest request;
  request.mutable_username_config()->set_display_name("plugreload");
  request.mutable_username_config()->set_role_name(role);
  request.set_password(password);
  pb::NewUserResponse response;
  grpc::ClientContext context;
  Prepare(context);
  const Status status = FromGrpc("NewUser", stub_->NewUser(&context, request, &response));
  if (!status.ok()) return status;
  return response.username();
}

Status VaultDatabase::ChangePassword(const std::string& user, const std::string& password) {
  pb::UpdateUserRequest request;
  request.set_username(user);
  request.mutable_password()->set_new_password(password);
  pb::UpdateUserResponse response;
  grpc::ClientContext context;
  Prepare(context);
  return FromGrpc("UpdateUser", stub_->UpdateUser(&context, request, &response));
}

Status VaultDatabase::DeleteUser(const std::string& user) {
  pb::DeleteUserRequest request;
  request.set_username(user);
  pb::DeleteUserResponse response;
  grpc::ClientContext context;
  Prepare(context);
  return FromGrpc("DeleteUser", stub_->DeleteUser(&context, request, &response));
}

Result<std::string> VaultDatabase::Type() {
  pb::TypeResponse response;
  grpc::ClientContext context;
  Prepare(context);
  const Status status = FromGrpc("Type", stub_->Type(&context, {}, &response));
  if (!status.ok()) return status;
  return response.type();
}

}  // namespace plugreload::example
