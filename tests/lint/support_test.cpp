// The leak check finds what a test leaves behind, and nothing when it leaves nothing.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "support/catch.hpp"
#include "support/leaks.hpp"
#include "support/plugins.hpp"

namespace plugreload::test {
namespace {

using Catch::Matchers::Contains;

constexpr Millis kNoPatience{30};

pid_t Spawn(std::string program, std::string argument, std::string environment) {
  std::array<char*, 3> argv{program.data(), argument.data(), nullptr};
  std::array<char*, 2> envp{environment.data(), nullptr};
  pid_t pid = 0;
  REQUIRE(::posix_spawn(&pid, program.c_str(), nullptr, nullptr, argv.data(), envp.data()) == 0);
  return pid;
}

void Reap(pid_t pid) {
  ::kill(pid, SIGKILL);
  REQUIRE(::waitpid(pid, nullptr, 0) == pid);
}

TEST_CASE("a test that leaves nothing passes the leak check", "[support]") {
  const LeakCheck check(kNoPatience);
  std::thread([] {}).join();
  Reap(Spawn("/bin/sleep", "100", check.marker()));
  ::close(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  REQUIRE_NO_LEAKS(check);
  CHECK(std::filesystem::is_empty(check.run_directory()));
}

TEST_CASE("the leak check names an open descriptor", "[support]") {
  const LeakCheck check(kNoPatience);
  const int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  CHECK_THAT(check.Leaks(), Contains("descriptor " + std::to_string(fd) + ": /dev/null"));
  ::close(fd);
}

TEST_CASE("the leak check names a running thread", "[support]") {
  const LeakCheck check(kNoPatience);
  std::promise<void> end;
  std::thread thread([&] { end.get_future().wait(); });
  CHECK_THAT(check.Leaks(), Contains("thread "));
  end.set_value();
  thread.join();
}

TEST_CASE("the leak check names a child and a zombie", "[support]") {
  const LeakCheck check(kNoPatience);
  const pid_t pid = Spawn("/bin/sleep", "100", "PATH=/bin");
  CHECK_THAT(check.Leaks(), Contains("sleep (child)"));
  ::kill(pid, SIGKILL);
  siginfo_t info{};
  REQUIRE(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) == 0);
  CHECK_THAT(check.Leaks(), Contains("process " + std::to_string(pid)) && Contains("(zombie)"));
  Reap(pid);
}

TEST_CASE("the leak check finds a stranger's child by the marker", "[support]") {
  const LeakCheck check(kNoPatience);
  // The shell goes at once, the program in its background stays and is nobody's child of ours.
  std::string shell = "/bin/sh", flag = "-c", script = "/bin/sleep 100 & exit 0";
  std::string environment = check.marker();
  std::array<char*, 4> argv{shell.data(), flag.data(), script.data(), nullptr};
  std::array<char*, 2> envp{environment.data(), nullptr};
  pid_t pid = 0;
  REQUIRE(::posix_spawn(&pid, "/bin/sh", nullptr, nullptr, argv.data(), envp.data()) == 0);
  REQUIRE(::waitpid(pid, nullptr, 0) == pid);
  CHECK_THAT(check.Leaks(), Contains("(carries the marker)"));
  CHECK(check.MarkedProcesses().size() == 1);
  for (const int left : check.MarkedProcesses()) ::kill(left, SIGKILL);
}

TEST_CASE("the leak check names a file in the run directory", "[support]") {
  const LeakCheck check(kNoPatience);
  const std::string path = check.run_directory() + "/left";
  std::ofstream(path) << "x";
  CHECK_THAT(check.Leaks(), Contains("file " + path));
  std::filesystem::remove(path);
}

TEST_CASE("waiting for an event ends with the event or at the deadline", "[support]") {
  RecordingHost host;
  CHECK_FALSE(host.WaitEvent(EventKind::kReloadFinished, 1, kNoPatience).has_value());
  std::thread sender([&] {
    Event event;
    event.kind = EventKind::kReloadFinished;
    event.reload_id = "first";
    host.OnEvent(event);
    event.reload_id = "second";
    host.OnEvent(event);
    host.Log({LogLevel::kWarn, "kv-1", "a line"});
  });
  const auto second = host.WaitEvent(EventKind::kReloadFinished, 2);
  CHECK(host.WaitLine("a li").value_or("") == "warn kv-1: a line");
  sender.join();
  REQUIRE(second.has_value());
  CHECK(second->reload_id == "second");
  CHECK_FALSE(host.WaitLine("another", kNoPatience).has_value());
}

TEST_CASE("a file is hashed as sha256sum does", "[support]") {
  const LeakCheck check;
  const std::string path = check.scratch() + "/abc";
  std::ofstream(path) << "abc";
  CHECK(Sha256OfFile(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("a member of a JSON object is found by name", "[support]") {
  CHECK(JsonField(R"({"version":"v1","pid": 17,"ok":true})", "version") == "v1");
  CHECK(JsonField(R"({"version":"v1","pid": 17,"ok":true})", "pid") == "17");
  CHECK(JsonField(R"({"version":"v1","pid": 17,"ok":true})", "ok") == "true");
  CHECK(JsonField(R"({"version":"v1"})", "none").empty());
}

}  // namespace
}  // namespace plugreload::test
