// Children that misbehave when they start: each has its reason, and nothing of it is left.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "launcher_fixture.hpp"

namespace plugreload::test {
namespace {

struct Misbehaviour {
  const char* program;
  const char* reason;
  Code code;
  const char* message;  // a part of it
};

TEST_CASE("a child that does not become ready fails the start with its reason",
          "[launch][process]") {
  const auto bad = GENERATE(values<Misbehaviour>({
      {"prints_garbage", "handshake_invalid", Code::kUnavailable, "hello, world"},
      {"prints_and_dies", "endpoint_unreachable", Code::kUnavailable, "out of luck"},
      {"dies_before_line", "handshake_missing", Code::kUnavailable, "no such database"},
      {"exits_zero_silently", "handshake_missing", Code::kUnavailable, "exit status 0"},
      {"closes_stdout", "handshake_missing", Code::kUnavailable, "closed stdout"},
      {"endless_line", "handshake_invalid", Code::kUnavailable, "xxxx"},
      {"wrong_version", "version_unsupported", Code::kFailedPrecondition, "99"},
      {"wrong_protocol", "protocol_unsupported", Code::kFailedPrecondition, "netrpc"},
      {"wrong_core", "handshake_invalid", Code::kUnavailable, "core"},
      {"no_socket", "endpoint_unreachable", Code::kUnavailable, "No such file"},
  }));
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  const LaunchSpec spec = Spec(bad.program);
  const auto result = launcher->Start(spec, Context());
  INFO(result.status().ToString());
  CHECK(result.status().reason() == bad.reason);
  CHECK(result.status().code() == bad.code);
  CHECK(Contains(result.status().message(), bad.message));
  // For whoever reads it at night: on what.
  CHECK(Contains(result.status().message(), "secret/kv v1.0.0"));
  CHECK(Contains(result.status().message(), "\"kv/\" of namespace \"team/\""));
  CHECK_FALSE(Contains(result.status().message(), "\n"));
  // Nothing is left while the launcher still lives.
  CHECK(leaks.MarkedProcesses().empty());
}

TEST_CASE("how a child ended is told when it ended by itself", "[launch][process]") {
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  const auto result = launcher->Start(Spec("dies_before_line"), Context());
  CHECK(Contains(result.status().message(), "exit status 3"));
  CHECK(Contains(result.status().message(), "1|1|unix|"));
}

TEST_CASE("a silent child is killed at the deadline", "[launch][process]") {
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  const auto result = launcher->Start(Spec("never_prints"), Context(Millis{300}));
  INFO(result.status().ToString());
  CHECK(result.status().reason() == "handshake_timeout");
  CHECK(result.status().code() == Code::kDeadlineExceeded);
  CHECK(Contains(result.status().message(), "still thinking"));
  CHECK(leaks.MarkedProcesses().empty());
}

TEST_CASE("a slow child is waited for", "[launch][process]") {
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  LaunchSpec spec = Spec("slow_start");
  spec.plugin.env = {"START_MS=300"};
  auto instance = MustStart(*launcher, spec);
  CHECK(HttpGet(instance->info().endpoint, "/").status == 200);
}

TEST_CASE("the certificate of the handshake line is told", "[launch][process]") {
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  const auto with = MustStart(*launcher, Spec("names_certificate"));
  CHECK(with->info().certificate == std::string(60, 'A'));
  const auto without = MustStart(*launcher, Spec("good"));
  CHECK(without->info().certificate.empty());
}

TEST_CASE("a socket of another process is refused", "[launch][process]") {
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  auto other = MustStart(*launcher, Spec("good"));
  LaunchSpec spec = Spec("other_socket");
  spec.plugin.env = {"OTHER_SOCKET=" + other->info().endpoint.substr(5)};
  const auto result = launcher->Start(spec, Context());
  CHECK(result.status().reason() == "peer_mismatch");
  CHECK(result.status().code() == Code::kPermissionDenied);
  CHECK(Contains(result.status().message(), std::to_string(other->info().pid)));
}

TEST_CASE("a TCP plugin is accepted on loopback only", "[launch][process]") {
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  LaunchSpec spec = Spec("listens_tcp");
  auto instance = MustStart(*launcher, spec);
  CHECK(instance->info().endpoint.substr(0, 14) == "tcp:127.0.0.1:");
  CHECK(HttpGet(instance->info().endpoint, "/").status == 200);
  spec.plugin.env = {"BIND_ADDRESS=0.0.0.0"};
  CHECK(launcher->Start(spec, Context()).status().reason() == "handshake_invalid");
}

TEST_CASE("a command that cannot be executed is refused with its reason", "[launch][process]") {
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  LaunchSpec spec = Spec("good");
  spec.plugin.sha256.clear();
  SECTION("it is not there") {
    spec.command = "/no/such/plugin";
    CHECK(launcher->Start(spec, Context()).status().reason() == "command_not_found");
  }
  SECTION("its path is relative") {
    spec.command = "good";
    CHECK(launcher->Start(spec, Context()).status().reason() == "command_not_found");
  }
  SECTION("it has no execute permission") {
    spec.command = leaks.scratch() + "/file";
    REQUIRE(::close(::creat(spec.command.c_str(), 0644)) == 0);
    CHECK(launcher->Start(spec, Context()).status().reason() == "not_executable");
  }
  SECTION("it is no program") {
    spec.command = leaks.scratch() + "/file";
    const int fd = ::creat(spec.command.c_str(), 0755);
    REQUIRE(::write(fd, "just text\n", 10) == 10);
    REQUIRE(::close(fd) == 0);
    const auto image = GENERATE(Image::kSealed, Image::kInPlace);
    spec.plugin.image = image;
    CHECK(launcher->Start(spec, Context()).status().reason() == "not_executable");
  }
}

TEST_CASE("the child gets what is promised and nothing else", "[launch][process]") {
  LeakCheck leaks;
  ProcessLauncherOptions options = LauncherOptions(leaks);
  options.inherit_env = {"PATH", "NOT_THERE"};
  options.env.push_back("COMMON=launcher");
  auto launcher = MustMake(options);
  LaunchSpec spec = Spec("reflects");
  spec.plugin.args = {"--one", "two three", ""};
  spec.plugin.env = {"COMMON=plugin", "OWN=a=b", "TMPDIR=/elsewhere"};
  spec.handshake.protocol_versions = {1, 4};
  spec.mount.options = {{"max-ttl", "10h"}};
  spec.mount.accessor = "kv_12345678";
  const int inheritable = ::dup(2);  // not close-on-exec
  auto instance = MustStart(*launcher, spec);
  const std::string text = "\n" + HttpGet(instance->info().endpoint, "/").body;
  ::close(inheritable);
  INFO(text);
  const std::string directory =
      instance->info().endpoint.substr(5, instance->info().endpoint.rfind('/') - 5);
  const std::string pid = std::to_string(instance->info().pid);
  for (const std::string& line : {std::string("group ") + pid,
                                  "pid " + pid,
                                  std::string("fd 0 /dev/null"),
                                  "arg " + spec.command,
                                  std::string("arg --one"),
                                  std::string("arg two three"),
                                  std::string("arg "),
                                  std::string("env TEST_COOKIE=value"),
                                  std::string("env PLUGIN_PROTOCOL_VERSIONS=1,4"),
                                  std::string("env PLUGIN_MIN_PORT=10000"),
                                  std::string("env PLUGIN_MAX_PORT=25000"),
                                  "env PLUGIN_UNIX_SOCKET_DIR=" + directory,
                                  "env TMPDIR=" + directory,
                                  std::string("env PLUGRELOAD_LIVENESS_FD=3"),
                                  std::string("env PLUGRELOAD_PLUGIN=kv"),
                                  std::string("env PLUGRELOAD_VERSION=v1.0.0"),
                                  std::string("env PLUGRELOAD_NAMESPACE=team/"),
                                  std::string("env PLUGRELOAD_MOUNT=kv/"),
                                  std::string("env PLUGRELOAD_ACCESSOR=kv_12345678"),
                                  std::string("env PLUGRELOAD_OPTION_MAX_TTL=10h"),
                                  std::string("env COMMON=plugin"),
                                  std::string("env OWN=a=b")}) {
    INFO(line);
    CHECK(Contains(text, "\n" + line + "\n"));
  }
  CHECK(Contains(text, "\nfd 3 socket:"));
  for (const char* none : {"\nfd 4", "\nfd 5", "\nfd 6", "\nfd 7", "\nhandled", "\nblocked",
                           "\nenv HOME=", "\nenv COMMON=launcher", "\nenv NOT_THERE"}) {
    INFO(none);
    CHECK_FALSE(Contains(text, none));
  }
  struct stat info {};
  REQUIRE(::stat(directory.c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0700);
}

TEST_CASE("a shared instance is not told one mount", "[launch][process]") {
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  LaunchSpec spec = Spec("reflects");
  spec.plugin.sharing = Sharing::kGlobal;
  spec.mount.options = {{"key", "value"}};
  auto instance = MustStart(*launcher, spec);
  const std::string text = HttpGet(instance->info().endpoint, "/").body;
  CHECK_FALSE(Contains(text, "PLUGRELOAD_NAMESPACE"));
  CHECK_FALSE(Contains(text, "PLUGRELOAD_MOUNT"));
  CHECK_FALSE(Contains(text, "PLUGRELOAD_OPTION"));
}

TEST_CASE("a run directory that cannot be used is refused", "[launch][process]") {
  LeakCheck leaks;
  ProcessLauncherOptions options = LauncherOptions(leaks);
  SECTION("too long for sockets") {
    options.run_directory = leaks.scratch() + "/" + std::string(80, 'x');
  }
  SECTION("its parent does not exist") { options.run_directory = leaks.scratch() + "/a/b"; }
  SECTION("a file") { options.run_directory = "/etc/passwd"; }
  SECTION("writable by others") {
    options.run_directory = leaks.scratch() + "/open";
    REQUIRE(::mkdir(options.run_directory.c_str(), 0700) == 0);
    REQUIRE(::chmod(options.run_directory.c_str(), 0777) == 0);
  }
  const auto result = NewProcessLauncher(options);
  INFO(result.status().ToString());
  CHECK(result.status().code() == Code::kFailedPrecondition);
  CHECK(result.status().reason() == "run_directory");
}

}  // namespace
}  // namespace plugreload::test
