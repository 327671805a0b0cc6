// What a start promises and how it fails, with real plugins and bad ones.
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <signal.h>
#include <sys/stat.h>

#include <chrono>
#include <fstream>
#include <string>

#include "fixture.hpp"

namespace plugreload::test {
namespace {

constexpr auto kMtls = GoPluginSecurity::kAutoMtls;
constexpr auto kPlain = GoPluginSecurity::kPlain;

// A plugin in a few lines of shell.
std::string Script(const LeakCheck& leaks, const std::string& body) {
  const std::string path = leaks.scratch() + "/plugin.sh";
  std::ofstream(path) << "#!/bin/sh\n" << body << "\n";
  chmod(path.c_str(), 0700);
  return path;
}

Status StartOf(const LeakCheck& leaks, const LaunchSpec& spec, GoPluginSecurity security,
               Millis timeout = kPatience) {
  const auto launcher = MustMakeGoPlugin(GoPluginOptions(leaks, security));
  Status status = launcher->Start(spec, Context(timeout)).status();
  INFO(status.ToString());
  CHECK(leaks.MarkedProcesses().empty());
  return status;
}

TEST_CASE("a ready instance tells how to reach it", "[goplugin][start]") {
  LeakCheck leaks;
  const auto launcher = MustMakeGoPlugin(GoPluginOptions(leaks, kMtls));
  const auto instance = MustStart(*launcher, GoPluginSpec("kv_go_1.0.0"));
  const InstanceInfo& info = instance->info();
  CHECK(info.protocol == "grpc");
  CHECK(info.protocol_version == 1);
  CHECK(info.sealed);
  CHECK(KvGet(ChannelOf(info), "k").answer.pid() == info.pid);
  CHECK(ChannelOf(info) == ChannelOf(info));
  const auto endpoint = GoPluginEndpointOf(info);
  REQUIRE(endpoint.has_value());
  CHECK(endpoint->target == info.endpoint);
  CHECK(endpoint->server_name == "localhost");
  CHECK(Contains(endpoint->root_pem, "BEGIN CERTIFICATE"));
  CHECK(Contains(endpoint->private_key_pem, "PRIVATE KEY"));
  CHECK_FALSE(*SupportsMultiplexing(info));
}

TEST_CASE("the socket that is dialled is the one whose owner was looked at", "[goplugin][start]") {
  LeakCheck leaks;
  GoPluginLauncherOptions options = GoPluginOptions(leaks, GENERATE(kMtls, kPlain));
  // In a URI the path would end at the '?' or '#', and "%41" would be an A.
  options.process.run_directory =
      leaks.scratch() + "/" + GENERATE(as<std::string>(), "a#b", "a?b", "a%41b", "a b", "\xc3\xa4");
  const auto launcher = MustMakeGoPlugin(options);
  const auto instance = MustStart(*launcher, GoPluginSpec("kv_go_1.0.0"));
  CHECK(Contains(instance->info().endpoint, options.process.run_directory));
  CHECK(KvGet(ChannelOf(instance->info()), "k").answer.pid() == instance->info().pid);
}

TEST_CASE("the smallest plugin starts, serves and ends", "[goplugin][start]") {
  LeakCheck leaks;
  const auto launcher = MustMakeGoPlugin(GoPluginOptions(leaks, kPlain));
  const auto instance = MustStart(*launcher, GoPluginSpec("small.py"));
  CHECK(KvGet(ChannelOf(instance->info()), "k").answer.value() == "value-of-k");
  CHECK(instance->Stop(After(kPatience)).ok());
}

TEST_CASE("an instance of another launcher has no channel", "[goplugin][start]") {
  LeakCheck leaks;
  const auto launcher = MustMake(LauncherOptions(leaks));
  const auto instance = MustStart(*launcher, Spec("good"));
  CHECK(ChannelOf(instance->info()) == nullptr);
  CHECK_FALSE(GoPluginEndpointOf(instance->info()).has_value());
  int object = 0;
  InstanceInfo foreign;
  foreign.object = &object;
  CHECK(ChannelOf(foreign) == nullptr);
}

TEST_CASE("with AutoMTLS nobody else gets in", "[goplugin][start]") {
  LeakCheck leaks;
  const auto first = MustMakeGoPlugin(GoPluginOptions(leaks, kMtls));
  const auto other = MustMakeGoPlugin(GoPluginOptions(leaks, kMtls));
  const std::string program = GENERATE("kv_go_1.0.0", "kv.py", "kv_cpp");
  INFO(program);
  const auto instance = MustStart(*first, GoPluginSpec(program));
  const auto stranger = MustStart(*other, GoPluginSpec(program));
  const auto mine = GoPluginEndpointOf(instance->info());
  const auto theirs = GoPluginEndpointOf(stranger->info());
  CHECK(KvGet(Dial(*mine), "k").status.ok());
  CHECK_FALSE(KvGet(grpc::CreateChannel(mine->target, grpc::InsecureChannelCredentials()), "k")
                  .status.ok());
  // The host's certificate of another launcher; and a plugin that is not the one that was started.
  GoPluginEndpoint mixed = *mine;
  mixed.certificate_pem = theirs->certificate_pem;
  mixed.private_key_pem = theirs->private_key_pem;
  CHECK_FALSE(KvGet(Dial(mixed), "k").status.ok());
  mixed = *mine;
  mixed.root_pem = theirs->root_pem;
  CHECK_FALSE(KvGet(Dial(mixed), "k").status.ok());
}

TEST_CASE("a wrong cookie is told with the plugin's own words", "[goplugin][start]") {
  LeakCheck leaks;
  LaunchSpec spec = GoPluginSpec("kv_go_1.0.0");
  spec.handshake.cookie_value = "wrong";
  const Status status = StartOf(leaks, spec, kMtls);
  CHECK(status.reason() == "handshake_missing");
  CHECK(Contains(status.message(), "This binary is a plugin"));
  CHECK(Contains(status.message(), "secret/kv v1.0.0"));
}

TEST_CASE("a plugin without a common version is refused although it answers", "[goplugin][start]") {
  LeakCheck leaks;
  LaunchSpec spec = GoPluginSpec("kv_go_1.0.0");
  spec.handshake.protocol_versions = {7};
  CHECK(StartOf(leaks, spec, kMtls).reason() == "version_unsupported");
}

TEST_CASE("a plugin that speaks something else is refused", "[goplugin][start]") {
  LeakCheck leaks;
  const auto [line, reason] = GENERATE(table<std::string, std::string>(
      {{"1|1|unix|$PLUGIN_UNIX_SOCKET_DIR/s|netrpc|", "protocol_unsupported"},
       {"1|1|unix|$PLUGIN_UNIX_SOCKET_DIR/s", "protocol_unsupported"},
       {"2|1|unix|$PLUGIN_UNIX_SOCKET_DIR/s|grpc|", "handshake_invalid"},
       {"1|1|vsock|5:1234|grpc|", "handshake_invalid"},
       {"1|1|unix|relative|grpc|", "handshake_invalid"},
       {"1|1|tcp|192.0.2.1:1234|grpc|", "handshake_invalid"},
       {"hello", "handshake_invalid"},
       {"1|1|unix|$PLUGIN_UNIX_SOCKET_DIR/s|grpc|", "endpoint_unreachable"}}));
  INFO(line);
  LaunchSpec spec = GoPluginSpec(Script(leaks, "echo \"" + line + "\"; exec sleep 60"));
  CHECK(StartOf(leaks, spec, kPlain).reason() == reason);
}

TEST_CASE("a plugin that ends well without a line has not started", "[goplugin][start]") {
  LeakCheck leaks;
  LaunchSpec spec =
      GoPluginSpec(Script(leaks, "echo '{\"@level\":\"error\",\"@message\":\"no path\"}' >&2"));
  const Status status = StartOf(leaks, spec, kPlain);
  CHECK(status.reason() == "handshake_missing");
  CHECK(Contains(status.message(), "no path"));
}

TEST_CASE("of a panic the message is told, however long its trace", "[goplugin][start]") {
  LeakCheck leaks;
  const std::string trace = "for i in 1 2 3 4 5 6 7 8 9; do echo frame $i >&2; done; exit 2";
  LaunchSpec spec =
      GoPluginSpec(Script(leaks, "echo start >&2; echo panic: no such table >&2; " + trace));
  const Status status = StartOf(leaks, spec, kPlain);
  CHECK(status.reason() == "handshake_missing");
  CHECK(Contains(status.message(), "words: panic: no such table | frame 5 |"));
  CHECK(Contains(status.message(), "frame 9"));
}

TEST_CASE("a plugin that never gets ready is given up at the deadline", "[goplugin][start]") {
  LeakCheck leaks;
  LaunchSpec spec = GoPluginSpec(PluginPath("never_prints"));
  CHECK(StartOf(leaks, spec, kMtls, Millis{200}).reason() == "handshake_timeout");
}

TEST_CASE("TLS is spoken by both or the start fails", "[goplugin][start]") {
  LeakCheck leaks;
  // Its wrapper hides the host's certificate, so the plugin serves in the clear.
  LaunchSpec spec =
      GoPluginSpec(Script(leaks, "unset PLUGIN_CLIENT_CERT; exec " + GoPluginPath("kv_go_1.0.0")));
  CHECK(StartOf(leaks, spec, kMtls).reason() == "certificate_missing");
  // And one that speaks TLS unasked.
  spec = GoPluginSpec(
      Script(leaks, "PLUGIN_CLIENT_CERT=$(cat " + std::string(PLUGRELOAD_SOURCE_DIR) +
                        "/tests/goplugin/client.pem); export PLUGIN_CLIENT_CERT; exec " +
                        GoPluginPath("kv_go_1.0.0")));
  CHECK(StartOf(leaks, spec, kPlain).reason() == "certificate_unexpected");
}

TEST_CASE("a server that does not speak gRPC is found out", "[goplugin][start]") {
  LeakCheck leaks;
  LaunchSpec spec = GoPluginSpec(PluginPath("listens_only"));
  const Status status = StartOf(leaks, spec, kPlain, Millis{400});
  INFO(status.ToString());
  CHECK((status.reason() == "channel_failed" || status.reason() == "health_timeout"));
}

TEST_CASE("a plugin that knows no health service is refused", "[goplugin][start]") {
  LeakCheck leaks;
  CHECK(StartOf(leaks, OddSpec("no_health"), kPlain).reason() == "health_missing");
}

TEST_CASE("a plugin that does not serve is waited for until the deadline", "[goplugin][start]") {
  LeakCheck leaks;
  const Status status = StartOf(leaks, OddSpec("not_serving"), kPlain, Millis{4'000});
  CHECK(status.reason() == "health_timeout");
  CHECK(Contains(status.message(), "status 2"));
}

TEST_CASE("a start that fails late kills its plugin, and takes no longer for it",
          "[goplugin][start]") {
  const bool cancelled = GENERATE(true, false);
  GivenUp odd("not_serving says_so", cancelled);
  const auto before = std::chrono::steady_clock::now();
  const Status status = odd.launcher->Start(odd.spec, odd.context).status();
  INFO(status.ToString());
  CHECK(std::chrono::steady_clock::now() - before < 2 * kPatience);
  CHECK(status.reason() == (cancelled ? "cancelled" : "health_timeout"));
  CHECK(odd.leaks.MarkedProcesses().empty());
}

TEST_CASE("health options that would end every plugin are refused", "[goplugin][start]") {
  LeakCheck leaks;
  GoPluginLauncherOptions options = GoPluginOptions(leaks, kPlain);
  const int which = GENERATE(0, 1, 2);
  if (which == 0) options.health_interval = Millis{0};
  if (which == 1) options.health_timeout = Millis{-1};
  if (which == 2) options.health_failures = 0;
  const Status status = NewGoPluginLauncher(options).status();
  CHECK(status.code() == Code::kInvalidArgument);
  CHECK(status.reason() == "invalid_health");
}

TEST_CASE("loopback TCP and five fields are spoken too", "[goplugin][start]") {
  LeakCheck leaks;
  const auto launcher = MustMakeGoPlugin(GoPluginOptions(leaks, kPlain));
  const auto instance = MustStart(*launcher, OddSpec("tcp no_tls_field"));
  CHECK(Contains(instance->info().endpoint, "tcp:127.0.0.1:"));
  CHECK(KvGet(ChannelOf(instance->info()), "k").status.ok());
  CHECK(Contains(GoPluginEndpointOf(instance->info())->target, "ipv4:127.0.0.1:"));
}

TEST_CASE("a plugin that multiplexes says so", "[goplugin][start]") {
  LeakCheck leaks;
  const auto launcher = MustMakeGoPlugin(GoPluginOptions(leaks, kPlain));
  CHECK(*SupportsMultiplexing(MustStart(*launcher, OddSpec("multiplexing"))->info()));
  CHECK_FALSE(*SupportsMultiplexing(MustStart(*launcher, OddSpec(""))->info()));
}

TEST_CASE("a plugin that does not say whether it multiplexes is asked again", "[goplugin][start]") {
  LeakCheck leaks;
  const auto launcher = MustMakeGoPlugin(GoPluginOptions(leaks, kPlain));
  const auto instance = MustStart(*launcher, OddSpec("multiplexing"));
  const auto pid = static_cast<pid_t>(instance->info().pid);
  REQUIRE(kill(pid, SIGSTOP) == 0);
  CHECK(SupportsMultiplexing(instance->info()).status().reason() == "no_answer");
  REQUIRE(kill(pid, SIGCONT) == 0);
  CHECK(*SupportsMultiplexing(instance->info()));
}

}  // namespace
}  // namespace plugreload::test
