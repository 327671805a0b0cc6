// The ends of children: asked for, refused, and by themselves.
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "launcher_fixture.hpp"

namespace plugreload::test {
namespace {

namespace fs = std::filesystem;

std::string DirectoryOf(const PluginInstance& instance) {
  const std::string& endpoint = instance.info().endpoint;
  return endpoint.substr(5, endpoint.rfind('/') - 5);
}

// SIGCHLD as in hosts that want no zombies: the kernel reaps every child at once.
class IgnoredChildren {
 public:
  IgnoredChildren() : before_(signal(SIGCHLD, SIG_IGN)) {}
  ~IgnoredChildren() { signal(SIGCHLD, before_); }
  IgnoredChildren(const IgnoredChildren&) = delete;
  IgnoredChildren& operator=(const IgnoredChildren&) = delete;

 private:
  void (*before_)(int);
};

TEST_CASE("a stopped child is gone with its directory, before the launcher goes",
          "[launch][stop]") {
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  auto instance = MustStart(*launcher, Spec("good"));
  const std::string directory = DirectoryOf(*instance);
  CHECK(fs::exists(directory));
  CHECK(instance->Stop(After(kPatience)).ok());
  CHECK(leaks.MarkedProcesses().empty());
  CHECK_FALSE(fs::exists(directory));
  CHECK_FALSE(fs::exists(directory + ".pid"));
}

TEST_CASE("a child may end with the liveness socket, without a signal", "[launch][stop]") {
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  LaunchSpec spec = Spec("good");
  spec.plugin.env = {"IGNORE_SIGTERM=1"};
  spec.plugin.timeouts.graceful = kPatience;
  spec.plugin.timeouts.terminate = kPatience;
  auto instance = MustStart(*launcher, spec);
  const auto before = std::chrono::steady_clock::now();
  CHECK(instance->Stop(After(2 * kPatience)).ok());
  CHECK(std::chrono::steady_clock::now() - before < kPatience);
}

TEST_CASE("a child that ignores SIGTERM is killed after its time", "[launch][stop]") {
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  LaunchSpec spec = Spec("ignores_sigterm");
  spec.plugin.timeouts.terminate = Millis{200};
  auto instance = MustStart(*launcher, spec);
  const auto before = std::chrono::steady_clock::now();
  CHECK(instance->Stop(After(kPatience)).ok());
  CHECK(std::chrono::steady_clock::now() - before >= Millis{200});
  CHECK(leaks.MarkedProcesses().empty());
}

TEST_CASE("a short deadline leaves time for SIGKILL", "[launch][stop]") {
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  LaunchSpec spec = Spec("ignores_sigterm");
  spec.plugin.timeouts.terminate = Millis{600'000};
  auto instance = MustStart(*launcher, spec);
  const auto before = std::chrono::steady_clock::now();
  CHECK(instance->Stop(After(Millis{2'000})).ok());
  CHECK(std::chrono::steady_clock::now() - before >= Millis{1'400});
  CHECK(leaks.MarkedProcesses().empty());
}

TEST_CASE("SIGKILL is sent even when the deadline has passed", "[launch][stop]") {
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  auto instance = MustStart(*launcher, Spec("ignores_sigterm"));
  const Status status = instance->Stop(std::chrono::steady_clock::now());
  CHECK((status.ok() || status.reason() == "unkillable"));
  CHECK(instance->Stop(After(kPatience)).ok());
}

TEST_CASE("a stopped process is woken to end", "[launch][stop]") {
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  LaunchSpec spec = Spec("good");
  spec.plugin.timeouts.terminate = kPatience;
  auto instance = MustStart(*launcher, spec);
  REQUIRE(::kill(static_cast<pid_t>(instance->info().pid), SIGSTOP) == 0);
  const auto before = std::chrono::steady_clock::now();
  CHECK(instance->Stop(After(2 * kPatience)).ok());
  CHECK(std::chrono::steady_clock::now() - before < kPatience);
}

TEST_CASE("what a child started dies with it", "[launch][stop]") {
  const std::string program = GENERATE(as<std::string>(), "grandchild_holds_pipes",
                                       "grandchild_leaves_group", "grandchild_detaches");
  INFO(program);
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  SECTION("when it is stopped") {
    auto instance = MustStart(*launcher, Spec(program));
    CHECK(leaks.MarkedProcesses().size() == 2);
    const auto before = std::chrono::steady_clock::now();
    CHECK(instance->Stop(After(kPatience)).ok());
    CHECK(std::chrono::steady_clock::now() - before < kPatience / 2);
    CHECK(leaks.MarkedProcesses().empty());
  }
  SECTION("when it ends by itself") {
    Exits exits;
    StartContext context = Context();
    context.on_exit = exits.Callback();
    auto instance = MustStart(*launcher, Spec(program), context);
    HttpGet(instance->info().endpoint, "/exit");
    // Told although somebody still holds its pipes.
    REQUIRE(exits.Wait().has_value());
    CHECK(exits.Wait()->exit_code == 7);
    CHECK(instance->Stop(After(kPatience)).ok());
    CHECK(leaks.MarkedProcesses().empty());
  }
}

TEST_CASE("what dies with a child is its own, and nobody else's", "[launch][stop]") {
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  std::vector<std::unique_ptr<PluginInstance>> others;
  // Directories are numbered: there are some whose names begin with those of others.
  std::vector<std::unique_ptr<PluginInstance>> leaving;
  for (int i = 0; i < 3; ++i) {
    leaving.push_back(MustStart(*launcher, Spec("grandchild_leaves_group")));
  }
  for (int i = 0; i < 20; ++i) others.push_back(MustStart(*launcher, Spec("good")));
  for (const auto& instance : leaving) CHECK(instance->Stop(After(kPatience)).ok());
  CHECK(leaks.MarkedProcesses().size() == others.size());
  for (const auto& instance : others) {
    CHECK(HttpGet(instance->info().endpoint, "/x").status == 200);
  }
}

TEST_CASE("a child that a debugger holds is reaped when that lets go of it", "[launch][stop]") {
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  std::promise<InstanceExit> told;
  StartContext context = Context();
  context.on_exit = [&](const InstanceExit& exit) { told.set_value(exit); };
  auto instance = MustStart(*launcher, Spec("good"), context);
  const auto pid = static_cast<pid_t>(instance->info().pid);
  int ready[2], quit[2];
  REQUIRE(pipe(ready) == 0);
  REQUIRE(pipe(quit) == 0);
  const pid_t debugger = fork();
  if (debugger == 0) {
    alarm(60);
    close(quit[1]);
    const char ok = ptrace(PTRACE_SEIZE, pid, nullptr, nullptr) == 0 ? 1 : 0;
    char end = 0;
    _exit(write(ready[1], &ok, 1) == 1 && read(quit[0], &end, 1) == 0 ? 0 : 1);
  }
  REQUIRE(debugger > 0);
  close(ready[1]);
  char seized = 0;
  REQUIRE(read(ready[0], &seized, 1) == 1);
  CHECK(::kill(pid, SIGKILL) == 0);
  auto exit = told.get_future();
  if (seized == 1) {
    // A zombie, but not its parent's yet.
    CHECK(exit.wait_for(Millis{200}) == std::future_status::timeout);
  } else {
    WARN("this machine lets nobody debug a process");
  }
  for (const int fd : {ready[0], quit[0], quit[1]}) close(fd);
  CHECK(waitpid(debugger, nullptr, 0) == debugger);
  REQUIRE(exit.wait_for(kPatience) == std::future_status::ready);
  CHECK(exit.get().signal == SIGKILL);
  CHECK(instance->Stop(After(kPatience)).ok());
  CHECK(leaks.MarkedProcesses().empty());
}

TEST_CASE("a child that dies is told with its exit status and its last words", "[launch][stop]") {
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  Exits exits;
  StartContext context = Context();
  context.on_exit = exits.Callback();
  LaunchSpec spec = Spec("dies_after_ready");
  SECTION("after a while") {
    spec.plugin.env = {"DIE_AFTER_MS=300"};
    auto instance = MustStart(*launcher, spec, context);
    REQUIRE(exits.Wait().has_value());
    CHECK(Contains(exits.Wait()->detail, "gone by itself"));
  }
  SECTION("at a request") {
    auto instance = MustStart(*launcher, spec, context);
    CHECK(HttpGet(instance->info().endpoint, "/").status == 0);
    REQUIRE(exits.Wait().has_value());
    CHECK(Contains(exits.Wait()->detail, "gone at a request"));
  }
  CHECK(exits.Wait()->exit_code == 5);
  CHECK(Contains(exits.Wait()->detail, "exit status 5"));
}

TEST_CASE("a child that dies at its handshake fails the start or is told", "[launch][stop]") {
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  for (int i = 0; i < 20; ++i) {
    Exits exits;
    StartContext context = Context();
    context.on_exit = exits.Callback();
    const auto result = launcher->Start(Spec("dies_at_handshake"), context);
    if (result.ok()) {
      REQUIRE(exits.Wait().has_value());
      CHECK(exits.Wait()->exit_code == 3);
    } else {
      CHECK(result.status().reason() == "endpoint_unreachable");
      CHECK(Contains(result.status().message(), "out of luck"));
      CHECK(exits.count() == 0);
    }
  }
}

TEST_CASE("a child that is killed is told with the signal", "[launch][stop]") {
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  Exits exits;
  StartContext context = Context();
  context.on_exit = exits.Callback();
  auto instance = MustStart(*launcher, Spec("good"), context);
  REQUIRE(::kill(static_cast<pid_t>(instance->info().pid), SIGKILL) == 0);
  REQUIRE(exits.Wait().has_value());
  CHECK(exits.Wait()->signal == SIGKILL);
  CHECK_FALSE(exits.Wait()->exit_code.has_value());
}

TEST_CASE("a host that ignores SIGCHLD loses at most the exit status", "[launch][stop]") {
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  const std::string program =
      GENERATE(as<std::string>(), "good", "grandchild_holds_pipes", "ignores_sigterm");
  LaunchSpec spec = Spec(program);
  spec.plugin.timeouts.terminate = Millis{200};
  const LaunchSpec failing = Spec("dies_before_line");
  const LaunchSpec missing = [&] {
    LaunchSpec none = spec;
    none.command = "/no/such/plugin";
    return none;
  }();
  const IgnoredChildren ignored;
  auto instance = MustStart(*launcher, spec);
  CHECK(instance->Stop(After(kPatience)).ok());
  CHECK(leaks.MarkedProcesses().empty());
  CHECK(launcher->Start(failing, Context()).status().reason() == "handshake_missing");
  CHECK(launcher->Start(missing, Context()).status().reason() == "command_not_found");

  Exits exits;
  StartContext context = Context();
  context.on_exit = exits.Callback();
  instance = MustStart(*launcher, spec, context);
  HttpGet(instance->info().endpoint, "/exit");
  REQUIRE(exits.Wait().has_value());
  const InstanceExit exit = *exits.Wait();
  CHECK((exit.exit_code == 7 || (!exit.exit_code && !exit.signal)));
}

TEST_CASE("starts that are cancelled at any moment leave nothing", "[launch][stop]") {
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  LaunchSpec spec = Spec("slow_start");
  spec.plugin.env = {"START_MS=5"};
  for (int moment = 0; moment < 40; ++moment) {
    std::stop_source source;
    StartContext context = Context();
    context.cancel = source.get_token();
    // A deadline in the middle of the start, from another side than the cancel.
    if (moment % 2 == 1) context.deadline = After(Millis{moment / 2});
    std::thread canceller([&source, moment] {
      const Deadline when =
          std::chrono::steady_clock::now() + std::chrono::microseconds(500 * moment);
      while (std::chrono::steady_clock::now() < when) std::this_thread::yield();
      source.request_stop();
    });
    const auto result = launcher->Start(spec, context);
    canceller.join();
    CHECK((result.ok() || result.status().reason() == "cancelled" ||
           result.status().reason() == "handshake_timeout"));
  }
}

}  // namespace
}  // namespace plugreload::test
