// A plugin in C++, on gRPC C++ alone.
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <goplugin.grpc.pb.h>
#include <kv.grpc.pb.h>
#include <memory>
#include <mutex>
#include <string>

#include "certificate.hpp"

namespace {

namespace example = plugreload::example;

std::string Env(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

class Kv final : public example::Kv::Service {
  grpc::Status Get(grpc::ServerContext* context, const example::GetRequest* request,
                   example::GetAnswer* answer) override {
    answer->set_value("value-of-" + request->key());
    answer->set_version("v1.0.0");
    answer->set_pid(getpid());
    const auto& metadata = context->client_metadata();
    if (const auto id = metadata.find("multiplex_id"); id != metadata.end()) {
      answer->set_multiplex_id(std::string(id->second.begin(), id->second.end()));
    }
    return grpc::Status::OK;
  }
  grpc::Status Crash(grpc::ServerContext*, const example::CrashRequest*,
                     example::CrashAnswer*) override {
    _exit(7);
  }
  grpc::Status Write(grpc::ServerContext*, const example::WriteRequest* request,
                     example::WriteAnswer*) override {
    std::FILE* const file = request->to_stdout() ? stdout : stderr;
    std::fwrite(request->text().data(), 1, request->text().size(), file);
    std::fflush(file);
    return grpc::Status::OK;
  }
};

class Controller final : public plugin::GRPCController::Service {
 public:
  void Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ended_; });
  }

 private:
  grpc::Status Shutdown(grpc::ServerContext*, const plugin::Empty*, plugin::Empty*) override {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
    return grpc::Status::OK;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool ended_ = false;
};

}  // namespace

int main() {
  if (Env("PLUGRELOAD_EXAMPLE") != "kv") {
    std::fputs("this is a plugin: a host starts it\n", stderr);
    return 1;
  }
  std::string directory = Env("PLUGIN_UNIX_SOCKET_DIR");
  if (directory.empty()) directory = Env("TMPDIR").empty() ? "/tmp" : Env("TMPDIR");
  const std::string address = directory + "/kv" + std::to_string(getpid());

  auto credentials = grpc::InsecureServerCredentials();
  std::string offered;
  if (const std::string client = Env("PLUGIN_CLIENT_CERT"); !client.empty()) {
    const example::Certificate own = example::MakeCertificate();
    grpc::SslServerCredentialsOptions tls(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    tls.pem_root_certs = client;
    tls.pem_key_cert_pairs.push_back({own.key_pem, own.certificate_pem});
    credentials = grpc::SslServerCredentials(tls);
    offered = own.base64;
  }

  Kv kv;
  Controller controller;
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  builder.AddListeningPort("unix:" + address, credentials);
  builder.RegisterService(&kv);
  builder.RegisterService(&controller);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return 1;
  server->GetHealthCheckService()->SetServingStatus("plugin", true);
  std::printf("1|1|unix|%s|grpc|%s\n", address.c_str(), offered.c_str());
  std::fflush(stdout);
  controller.Wait();
  server->Shutdown();
}
