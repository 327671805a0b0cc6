#include "fixture.hpp"

#include <grpcpp/client_context.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <utility>

namespace plugreload::test {
namespace {

// gRPC keeps a poll descriptor and its wake-up for the rest of the process from its first call on.
// It is made here, before the first leak check looks, so that a second one would show.
const bool kFirstCall = [] {
  const auto channel = grpc::CreateChannel("unix:/nobody", grpc::InsecureChannelCredentials());
  grpc::ClientContext context;
  example::GetAnswer answer;
  return example::Kv::NewStub(channel)->Get(&context, {}, &answer).ok();
}();

void SetPatience(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
}

}  // namespace

std::string GoPluginPath(std::string_view program) {
  return std::string(PLUGRELOAD_GOPLUGIN_EXAMPLES) + "/" + std::string(program);
}

std::vector<GoPluginUnderTest> GoPluginsUnderTest() {
  return {{"go", "kv_go_1.0.0"}, {"python", "kv.py"}, {"c++", "kv_cpp"}};
}

GoPluginLauncherOptions GoPluginOptions(const LeakCheck& leaks, GoPluginSecurity security) {
  GoPluginLauncherOptions options;
  options.process = LauncherOptions(leaks);
  options.security = security;
  return options;
}

std::shared_ptr<Launcher> MustMakeGoPlugin(GoPluginLauncherOptions options) {
  auto launcher = NewGoPluginLauncher(std::move(options));
  INFO(launcher.status().ToString());
  REQUIRE(launcher.ok());
  return *launcher;
}

PluginSpec GoPlugin(std::string_view program, std::string version) {
  PluginSpec spec;
  spec.ref = {PluginType::kSecret, "kv", std::move(version)};
  spec.launcher = "goplugin";
  spec.command = program.front() == '/' ? std::string(program) : GoPluginPath(program);
  spec.sha256 = Sha256OfFile(spec.command);
  spec.protocols = {"grpc"};
  spec.handshake = kGoPluginHandshake;
  spec.timeouts.start = kPatience;
  spec.timeouts.terminate = Millis{3'000};
  return spec;
}

LaunchSpec GoPluginSpec(std::string_view program) {
  LaunchSpec spec;
  spec.plugin = GoPlugin(program);
  spec.command = spec.plugin.command;
  spec.handshake = kGoPluginHandshake;
  spec.instance = "kv-1";
  spec.mount = TestMount("team/", "kv/");
  return spec;
}

LaunchSpec OddSpec(const std::string& odd) {
  LaunchSpec spec = GoPluginSpec(std::string(PLUGRELOAD_SOURCE_DIR) + "/tests/goplugin/odd.py");
  spec.plugin.env = {"ODD=" + odd};
  return spec;
}

GivenUp::GivenUp(const std::string& odd, bool cancelled)
    : spec(OddSpec(odd + " ignores_sigterm")),
      context(Context(cancelled ? 3 * kPatience : Millis{4'000})) {
  GoPluginLauncherOptions options = GoPluginOptions(leaks, GoPluginSecurity::kPlain);
  if (cancelled) options.process.log = [this](const LogRecord&) { cancel.request_stop(); };
  launcher = MustMakeGoPlugin(std::move(options));
  spec.plugin.timeouts.graceful = spec.plugin.timeouts.terminate = 3 * kPatience;
  context.cancel = cancel.get_token();
}

std::shared_ptr<grpc::Channel> Dial(const GoPluginEndpoint& endpoint) {
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = endpoint.root_pem;
  tls.pem_cert_chain = endpoint.certificate_pem;
  tls.pem_private_key = endpoint.private_key_pem;
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride(endpoint.server_name);
  return grpc::CreateCustomChannel(endpoint.target, grpc::SslCredentials(tls), arguments);
}

KvAnswer KvGet(const std::shared_ptr<grpc::Channel>& channel, const std::string& key,
               const std::string& multiplex_id) {
  grpc::ClientContext context;
  SetPatience(context);
  if (!multiplex_id.empty()) context.AddMetadata(kMultiplexIdKey, multiplex_id);
  example::GetRequest request;
  request.set_key(key);
  KvAnswer answer;
  answer.status = example::Kv::NewStub(channel)->Get(&context, request, &answer.answer);
  return answer;
}

grpc::Status KvCrash(const std::shared_ptr<grpc::Channel>& channel) {
  grpc::ClientContext context;
  SetPatience(context);
  example::CrashAnswer answer;
  return example::Kv::NewStub(channel)->Crash(&context, {}, &answer);
}

grpc::Status KvWrite(const std::shared_ptr<grpc::Channel>& channel, const std::string& text,
                     bool to_stdout) {
  grpc::ClientContext context;
  SetPatience(context);
  example::WriteRequest request;
  request.set_text(text);
  request.set_to_stdout(to_stdout);
  example::WriteAnswer answer;
  return example::Kv::NewStub(channel)->Write(&context, request, &answer);
}

}  // namespace plugreload::test
