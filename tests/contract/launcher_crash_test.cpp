// A host that is killed leaves no plugin running, and the next one sweeps up.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "launcher_fixture.hpp"

extern char** environ;

namespace plugreload::test {
namespace {

namespace fs = std::filesystem;

// What the other process of this test does; run by name only.
TEST_CASE("a host that waits to be killed", "[.][crash-host]") {
  const char* directory = std::getenv("CRASH_RUN_DIRECTORY");
  const char* marker = std::getenv("CRASH_MARKER");
  const char* program = std::getenv("CRASH_PROGRAM");
  if (directory == nullptr || marker == nullptr || program == nullptr) return;
  ProcessLauncherOptions options;
  options.run_directory = directory;
  options.env = {marker};
  auto launcher = MustMake(options);
  std::vector<std::unique_ptr<PluginInstance>> instances;
  for (int i = 0; i < 3; ++i) instances.push_back(MustStart(*launcher, Spec(program)));
  REQUIRE(::write(3, "ready", 5) == 5);
  ::alarm(120);  // should the test that waits for it be gone
  for (;;) ::pause();
}

// Another process of this program, with three plugins.
class CrashHost {
 public:
  CrashHost(const LeakCheck& leaks, const std::string& program) {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    std::vector<std::string> env = {"CRASH_RUN_DIRECTORY=" + leaks.run_directory(),
                                    "CRASH_MARKER=" + leaks.marker(), "CRASH_PROGRAM=" + program};
    std::vector<char*> pointers;
    for (std::string& entry : env) pointers.push_back(entry.data());
    for (char** entry = environ; *entry != nullptr; ++entry) pointers.push_back(*entry);
    pointers.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 3);
    std::string self = fs::read_symlink("/proc/self/exe").string();
    std::string tag = "[crash-host]";
    char* argv[] = {self.data(), tag.data(), nullptr};
    const int error = ::posix_spawn(&pid_, self.c_str(), &actions, nullptr, argv, pointers.data());
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    pollfd ready{ends[0], POLLIN, 0};
    char text[8] = {};
    const bool said = error == 0 && ::poll(&ready, 1, static_cast<int>(kPatience.count())) == 1 &&
                      ::read(ends[0], text, 5) == 5;
    ::close(ends[0]);
    if (!said) Kill();
    REQUIRE(said);
  }
  ~CrashHost() { Kill(); }
  CrashHost(const CrashHost&) = delete;
  CrashHost& operator=(const CrashHost&) = delete;

  void Kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
};

// Until only `count` processes carry the marker.
bool WaitMarked(const LeakCheck& leaks, std::size_t count) {
  const Deadline deadline = After(kPatience);
  while (leaks.MarkedProcesses().size() != count) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

std::size_t EntriesOf(const std::string& directory) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

TEST_CASE("a host that is killed takes its plugins with it", "[launch][crash]") {
  LeakCheck leaks;
  // One that hears neither SIGTERM nor the liveness socket.
  CrashHost host(leaks, "ignores_sigterm");
  CHECK(leaks.MarkedProcesses().size() >= 3);
  host.Kill();
  CHECK(WaitMarked(leaks, 0));
  CHECK(EntriesOf(leaks.run_directory()) == 1);
  LogLines log;
  ProcessLauncherOptions options = LauncherOptions(leaks);
  options.log = log.Callback();
  auto launcher = MustMake(options);
  CHECK(log.Wait("swept").has_value());
  CHECK(EntriesOf(leaks.run_directory()) == 1);  // its own
}

TEST_CASE("what the plugins of a killed host had started is swept by the next one",
          "[launch][crash]") {
  const std::string program =
      GENERATE(as<std::string>(), "grandchild_holds_pipes", "grandchild_leaves_group");
  LeakCheck leaks;
  { CrashHost host(leaks, program); }
  CHECK(WaitMarked(leaks, 3));  // the plugins died, what they started did not
  auto launcher = MustMake(LauncherOptions(leaks));
  CHECK(leaks.MarkedProcesses().empty());
  CHECK(EntriesOf(leaks.run_directory()) == 1);
}

TEST_CASE("the directory of a host that lives is not swept", "[launch][crash]") {
  LeakCheck leaks;
  auto first = MustMake(LauncherOptions(leaks));
  auto instance = MustStart(*first, Spec("good"));
  CrashHost host(leaks, "good");
  auto second = MustMake(LauncherOptions(leaks));
  CHECK(EntriesOf(leaks.run_directory()) == 3);
  CHECK(HttpGet(instance->info().endpoint, "/").status == 200);
  host.Kill();
  auto third = MustMake(LauncherOptions(leaks));
  CHECK(EntriesOf(leaks.run_directory()) == 3);
  CHECK(HttpGet(instance->info().endpoint, "/").status == 200);
}

TEST_CASE("a process is not killed for a note that only its number fits", "[launch][crash]") {
  LeakCheck leaks;
  const std::string dead = leaks.run_directory() + "/0123abcd";
  fs::create_directory(dead);
  fs::create_directory(dead + "/1");
  auto launcher = MustMake([&] {
    ProcessLauncherOptions options = LauncherOptions(leaks);
    options.run_directory = leaks.scratch() + "/other";
    return options;
  }());
  auto instance = MustStart(*launcher, Spec("good"));
  std::ofstream(dead + "/1.pid") << instance->info().pid << " 1 another-boot/pid:[1]\n";
  std::ofstream(dead + "/2.pid") << "rubbish";
  fs::create_directory(dead + "/3.pid");
  const std::string kept = leaks.run_directory() + "/not-ours";
  fs::create_directory(kept);
  auto sweeper = MustMake(LauncherOptions(leaks));
  CHECK_FALSE(fs::exists(dead));
  CHECK(fs::exists(kept));
  fs::remove(kept);
  CHECK(HttpGet(instance->info().endpoint, "/").status == 200);
}

}  // namespace
}  // namespace plugreload::test
