// What children write: always read, logged within limits.
#include <condition_variable>
#include <mutex>
#include <string>

#include "launcher_fixture.hpp"

namespace plugreload::test {
namespace {

// A script that writes, then becomes a correct plugin.
LaunchSpec Writing(const std::string& commands) {
  LaunchSpec spec = Spec("good");
  spec.command = "/bin/sh";
  spec.plugin.sha256.clear();
  spec.plugin.args = {"-c", commands + "\nexec " + PluginPath("good")};
  return spec;
}

TEST_CASE("lines on stderr are logged with their level, stdout behind the handshake too",
          "[launch][log]") {
  LeakCheck leaks;
  LogLines log;
  ProcessLauncherOptions options = LauncherOptions(leaks);
  options.log = log.Callback();
  auto launcher = MustMake(options);
  auto instance = MustStart(
      *launcher, Writing("echo '[WARN] careful' >&2; echo '[ERROR] bad' >&2; echo plain >&2;"
                         "echo '[DEBUG]  detail' >&2; printf 'carriage\\r\\n' >&2;"
                         "(sleep 0.1; echo on stdout; echo '[TRACE] end' >&2) &"));
  CHECK(log.Wait("careful") == "warn kv-1: careful");
  CHECK(log.Wait("bad") == "error kv-1: bad");
  CHECK(log.Wait("plain") == "info kv-1: plain");
  CHECK(log.Wait("detail") == "debug kv-1: detail");
  CHECK(log.Wait("carriage") == "info kv-1: carriage");
  CHECK(log.Wait("on stdout") == "info kv-1: on stdout");
  CHECK(log.Wait("end") == "trace kv-1: end");
  for (const std::string& line : log.lines()) CHECK_FALSE(Contains(line, "|unix|"));
}

TEST_CASE("a long line is logged in pieces and any byte is taken", "[launch][log]") {
  LeakCheck leaks;
  LogLines log;
  ProcessLauncherOptions options = LauncherOptions(leaks);
  options.log = log.Callback();
  options.max_log_line_bytes = 10;
  auto launcher = MustMake(options);
  auto instance =
      MustStart(*launcher, Writing("printf '0123456789abcdefghijXYZ\\na\\000b\\377\\n' >&2"));
  CHECK(log.Wait("0123456789") == "info kv-1: 0123456789");
  CHECK(log.Wait("abcdefghij") == "info kv-1: abcdefghij");
  CHECK(log.Wait("XYZ") == "info kv-1: XYZ");
  const std::string any("a\0b\xff", 4);
  CHECK(log.Wait(any) == "info kv-1: " + any);
}

TEST_CASE("a flood is read, cut off and counted while the plugin serves", "[launch][log]") {
  LeakCheck leaks;
  LogLines log;
  ProcessLauncherOptions options = LauncherOptions(leaks);
  options.log = log.Callback();
  options.max_log_bytes_per_second = 10'000;
  auto launcher = MustMake(options);
  auto instance = MustStart(*launcher, Spec("floods_stderr"));
  const auto told = log.Wait("dropped: it writes more than 10000 bytes per second");
  REQUIRE(told.has_value());
  CHECK(told->substr(0, 4) == "warn");
  CHECK(HttpGet(instance->info().endpoint, "/").status == 200);
  CHECK(instance->Stop(After(kPatience)).ok());
}

TEST_CASE("a host that is slow to take log lines delays no plugin", "[launch][log]") {
  LeakCheck leaks;
  std::mutex mutex;
  std::condition_variable changed;
  bool blocked = false;
  bool go_on = false;
  ProcessLauncherOptions options = LauncherOptions(leaks);
  options.max_log_bytes_per_second = 1 << 30;
  options.log = [&](const LogRecord&) {
    std::unique_lock lock(mutex);
    blocked = true;
    changed.notify_all();
    changed.wait_for(lock, kPatience, [&] { return go_on; });
  };
  auto launcher = MustMake(options);
  auto flooding = MustStart(*launcher, Spec("floods_stderr"));
  {
    std::unique_lock lock(mutex);
    CHECK(changed.wait_for(lock, kPatience, [&] { return blocked; }));
  }
  auto other = MustStart(*launcher, Spec("good"));
  CHECK(HttpGet(other->info().endpoint, "/").status == 200);
  CHECK(HttpGet(flooding->info().endpoint, "/").status == 200);
  CHECK(other->Stop(After(kPatience)).ok());
  CHECK(flooding->Stop(After(kPatience)).ok());
  const std::lock_guard lock(mutex);
  go_on = true;
  changed.notify_all();
}

TEST_CASE("without a log function output is read all the same", "[launch][log]") {
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  // Four times what a pipe holds: a child that nobody reads would stand still.
  auto instance =
      MustStart(*launcher, Writing("i=0; while [ $i -lt 4000 ]; do i=$((i+1));"
                                   "echo 'a line of some sixty bytes, so that it is soon "
                                   "enough' >&2; done"));
  CHECK(HttpGet(instance->info().endpoint, "/").status == 200);
}

}  // namespace
}  // namespace plugreload::test
