#include "vault_backend.hpp"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <utility>

namespace plugreload::example {
namespace {

constexpr Millis kPatience{10'000};

void SetPatience(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
}

Status Failed(const char* what, const std::string& why) {
  return Status(Code::kUnavailable, "vault_setup", std::string(what) + " of the plugin: " + why);
}

std::shared_ptr<grpc::ServerCredentials> Credentials(const GoPluginEndpoint& endpoint) {
  if (endpoint.root_pem.empty()) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions tls(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  tls.pem_root_certs = endpoint.root_pem;
  tls.pem_key_cert_pairs.push_back({endpoint.private_key_pem, endpoint.certificate_pem});
  return grpc::SslServerCredentials(tls);
}

}  // namespace

void VaultStorage::Put(const std::string& key, std::string value) {
  const std::lock_guard lock(mutex_);
  entries_[key] = std::move(value);
}

std::optional<std::string> VaultStorage::Find(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find(key);
  if (found == entries_.end()) return std::nullopt;
  return found->second;
}

void VaultStorage::Remove(const std::string& key) {
  const std::lock_guard lock(mutex_);
  entries_.erase(key);
}

std::vector<std::string> VaultStorage::List(const std::string& prefix) const {
  std::vector<std::string> names;
  const std::lock_guard lock(mutex_);
  for (auto at = entries_.lower_bound(prefix);
       at != entries_.end() && at->first.compare(0, prefix.size(), prefix) == 0; ++at) {
    const std::string rest = at->first.substr(prefix.size());
    std::string name = rest.substr(0, rest.find('/') + 1);
    if (name.empty()) name = rest;
    if (names.empty() || names.back() != name) names.push_back(std::move(name));
  }
  return names;
}

class VaultBackend::StorageService final : public pb::Storage::Service {
 public:
  StorageService(std::shared_ptr<VaultStorage> storage, std::string place)
      : storage_(std::move(storage)), place_(std::move(place)) {}

 private:
  grpc::Status List(grpc::ServerContext*, const pb::StorageListArgs* args,
                    pb::StorageListReply* reply) override {
    for (std::string& name : storage_->List(place_ + args->prefix())) {
      reply->add_keys(std::move(name));
    }
    return grpc::Status::OK;
  }
  grpc::Status Get(grpc::ServerContext*, const pb::StorageGetArgs* args,
                   pb::StorageGetReply* reply) override {
    if (auto value = storage_->Find(place_ + args->key())) {
      reply->mutable_entry()->set_key(args->key());
      reply->mutable_entry()->set_value(*std::move(value));
    }
    return grpc::Status::OK;
  }
  grpc::Status Put(grpc::ServerContext*, const pb::StoragePutArgs* args,
                   pb::StoragePutReply*) override {
    storage_->Put(place_ + args->entry().key(), args->entry().value());
    return grpc::Status::OK;
  }
  grpc::Status Delete(grpc::ServerContext*, const pb::StorageDeleteArgs* args,
                      pb::StorageDeleteReply*) override {
    storage_->Remove(place_ + args->key());
    return grpc::Status::OK;
  }

  const std::shared_ptr<VaultStorage> storage_;
  const std::string place_;
};

VaultBackend::VaultBackend(std::shared_ptr<grpc::Channel> channel)
    : stub_(pb::Backend::NewStub(channel)) {}

Result<std::shared_ptr<VaultBackend>> VaultBackend::SetUp(const LaunchSpec& spec,
                                                          const InstanceInfo& info,
                                                          std::shared_ptr<VaultStorage> storage) {
  const std::optional<GoPluginEndpoint> endpoint = GoPluginEndpointOf(info);
  if (!endpoint) return Failed("start", "it was not started by a launcher for go-plugin");
  std::shared_ptr<VaultBackend> backend(new VaultBackend(ChannelOf(info)));

  // Beside the plugin's own socket, where nobody else gets to.
  if (!info.endpoint.starts_with("unix:")) return Failed("storage", "it listens on TCP");
  const std::string address = info.endpoint.substr(0, info.endpoint.rfind('/')) + "/storage";
  backend->service_ =
      std::make_unique<StorageService>(std::move(storage), spec.mount.accessor + "/");
  grpc::ServerBuilder builder;
  const std::string& target = endpoint->target;  // the same for gRPC
  builder.AddListeningPort(target.substr(0, target.rfind('/')) + "/storage",
                           Credentials(*endpoint));
  builder.RegisterService(backend->service_.get());
  backend->server_ = builder.BuildAndStart();
  if (backend->server_ == nullptr) return Failed("storage", "cannot listen on " + address);
  const Result<std::uint32_t> number = OfferService(info, address);
  if (!number.ok()) return number.status();

  pb::SetupArgs args;
  args.set_broker_id(*number);
  args.mutable_config()->insert(spec.mount.options.begin(), spec.mount.options.end());
  args.set_backenduuid(spec.mount.accessor);
  pb::SetupReply reply;
  grpc::ClientContext setup;
  SetPatience(setup);
  grpc::Status status = backend->stub_->Setup(&setup, args, &reply);
  if (!status.ok()) return Failed("Setup", status.error_message());
  if (!reply.err().empty()) return Failed("Setup", reply.err());

  pb::InitializeReply initialized;
  grpc::ClientContext initialize;
  SetPatience(initialize);
  status = backend->stub_->Initialize(&initialize, {}, &initialized);
  // Plugins of version 3 do not have it.
  if (!status.ok() && status.error_code() != grpc::StatusCode::UNIMPLEMENTED) {
    return Failed("Initialize", status.error_message());
  }
  if (initialized.has_err()) return Failed("Initialize", initialized.err().err_msg());
  return backend;
}

VaultBackend::~VaultBackend() {
  grpc::ClientContext context;
  SetPatience(context);
  pb::Empty answer;
  // A plugin that has crashed needs no cleaning up.
  [[maybe_unused]] const grpc::Status status = stub_->Cleanup(&context, {}, &answer);
  if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
}

Result<std::string> VaultBackend::Handle(const PluginLease& lease, std::string_view operation,
                                         std::string_view data) {
  pb::HandleRequestArgs args;
  pb::Request& request = *args.mutable_request();
  request.set_operation(std::string(operation));
  request.set_path(std::string(lease.rest()));
  request.set_data(std::string(data));
  request.set_mount_point(lease.mount().path);
  request.set_mount_type(lease.mount().plugin);
  request.set_mount_accessor(lease.mount().accessor);
  pb::HandleRequestReply reply;
  grpc::ClientContext context;
  SetPatience(context);
  const grpc::Status status = stub_->HandleRequest(&context, args, &reply);
  if (!status.ok()) return Status(Code::kUnavailable, "vault_request", status.error_message());
  if (reply.has_err()) {
    return Status(Code::kInvalidArgument, "vault_request", reply.err().err_msg());
  }
  return reply.response().data();
}

}  // namespace plugreload::example
