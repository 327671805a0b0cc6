#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "os/child.hpp"
#include "os/procfs.hpp"
#include "os/spawn.hpp"
#include "os/spawner.hpp"
#include "support/catch.hpp"
#include "support/leaks.hpp"

namespace plugreload::internal {
namespace {

using test::LeakCheck;

struct Started {
  SpawnOutcome outcome;
  Fd out;
  Fd liveness;
};

Started Run(Spawner& spawner, const std::string& path, std::vector<std::string> args) {
  auto out = NewPipe();
  auto liveness = NewPipe();
  REQUIRE(out.ok());
  REQUIRE(liveness.ok());
  const Fd null(open("/dev/null", O_RDONLY | O_CLOEXEC));
  SpawnPlan plan;
  plan.path = path;
  plan.argv = {path};
  plan.argv.insert(plan.argv.end(), args.begin(), args.end());
  plan.env = {"PATH=/usr/bin:/bin"};
  plan.in = null.get();
  plan.out = plan.err = out->write.get();
  plan.liveness = liveness->read.get();
  Started started{spawner.Run(plan), std::move(out->read), std::move(liveness->write)};
  return started;
}

bool WaitReadable(int fd) {
  pollfd one{fd, POLLIN, 0};
  return poll(&one, 1, 20'000) == 1;
}

// Until end of file.
std::string ReadAll(const Fd& fd) {
  std::string text;
  char chunk[4096];
  while (WaitReadable(fd.get())) {
    const auto got = read(fd.get(), chunk, sizeof(chunk));
    if (got <= 0) break;
    text.append(chunk, static_cast<std::size_t>(got));
  }
  return text;
}

TEST_CASE("a child runs with its arguments, and its exit is told", "[os][spawn]") {
  LeakCheck leaks;
  Spawner spawner;
  Started started = Run(spawner, "/bin/sh", {"-c", "echo hello $1; exit 3", "sh", "you"});
  REQUIRE(started.outcome.error == 0);
  CHECK(ReadAll(started.out) == "hello you\n");
  Child child(started.outcome.pid, std::move(started.outcome.pidfd));
  REQUIRE(WaitReadable(child.pidfd()));
  const auto exit = child.Reap();
  REQUIRE(exit.has_value());
  CHECK(exit->code == 3);
  CHECK(ExitText(*exit) == "exit status 3");
}

TEST_CASE("a child gets its stdio from a host that has closed its own", "[os][spawn]") {
  LeakCheck leaks;
  Spawner spawner;
  // The pipes of the child get the numbers 0 and so on, which are its targets too.
  const int saved = fcntl(0, F_DUPFD_CLOEXEC, 100);
  close(0);
  Started started = Run(spawner, "/bin/sh", {"-c", "readlink /proc/self/fd/0; echo here"});
  const std::string text = ReadAll(started.out);
  started.out.Reset();
  started.liveness.Reset();
  dup2(saved, 0);
  close(saved);
  CHECK(text == "/dev/null\nhere\n");
  REQUIRE(started.outcome.error == 0);
  Child child(started.outcome.pid, std::move(started.outcome.pidfd));
  REQUIRE(WaitReadable(child.pidfd()));
  CHECK(child.Reap()->code == 0);
}

TEST_CASE("an error of exec is told and leaves no zombie", "[os][spawn]") {
  LeakCheck leaks;
  Spawner spawner;
  const Started missing = Run(spawner, "/no/such/program", {});
  CHECK(missing.outcome.error == ENOENT);
  CHECK(std::string(missing.outcome.step) == "exec");
  CHECK(missing.outcome.pid == -1);
  CHECK(Run(spawner, "/etc/passwd", {}).outcome.error == EACCES);
}

TEST_CASE("many children in a row and at once are spawned and reaped", "[os][spawn]") {
  LeakCheck leaks;
  Spawner spawner;
  std::vector<Started> all;
  for (int i = 0; i < 30; ++i) {
    all.push_back(Run(spawner, "/bin/sh", {"-c", "exit " + std::to_string(i)}));
    REQUIRE(all.back().outcome.error == 0);
  }
  for (int i = 0; i < 30; ++i) {
    auto& outcome = all[static_cast<std::size_t>(i)].outcome;
    Child child(outcome.pid, std::move(outcome.pidfd));
    REQUIRE(WaitReadable(child.pidfd()));
    CHECK(child.Reap()->code == i);
  }
}

TEST_CASE("children die when the spawner ends, as they do when the host is killed", "[os][spawn]") {
  LeakCheck leaks;
  Started started;
  {
    Spawner spawner;
    started = Run(spawner, "/bin/sleep", {"600"});
    REQUIRE(started.outcome.error == 0);
  }
  Child child(started.outcome.pid, std::move(started.outcome.pidfd));
  REQUIRE(WaitReadable(child.pidfd()));
  CHECK(child.Reap()->signal == SIGKILL);
}

TEST_CASE("reaping a leader kills what is left of its group", "[os][spawn]") {
  LeakCheck leaks;
  Spawner spawner;
  Started started = Run(spawner, "/bin/sh", {"-c", "sleep 600 & exit 0"});
  REQUIRE(started.outcome.error == 0);
  Child child(started.outcome.pid, std::move(started.outcome.pidfd));
  REQUIRE(WaitReadable(child.pidfd()));
  REQUIRE(child.Reap().has_value());
  CHECK_FALSE(child.group_missed());
  // The sleep held the pipe; its end is the end of the file.
  CHECK(ReadAll(started.out).empty());
}

TEST_CASE("a child that somebody else reaped is still known to have ended", "[os][spawn]") {
  LeakCheck leaks;
  Spawner spawner;
  Started started = Run(spawner, "/bin/sh", {"-c", "exit 9"});
  REQUIRE(started.outcome.error == 0);
  int status = 0;
  REQUIRE(waitpid(started.outcome.pid, &status, 0) == started.outcome.pid);
  Child child(started.outcome.pid, std::move(started.outcome.pidfd));
  REQUIRE(WaitReadable(child.pidfd()));
  const auto exit = child.Reap();
  REQUIRE(exit.has_value());
  CHECK(child.group_missed());
  // Newer kernels remember the status in the pidfd, older ones do not.
  CHECK((exit->code == 9 || (!exit->code && !exit->signal)));
}

TEST_CASE("a signal after the reaping goes nowhere", "[os][spawn]") {
  LeakCheck leaks;
  Spawner spawner;
  Started first = Run(spawner, "/bin/true", {});
  Child child(first.outcome.pid, std::move(first.outcome.pidfd));
  REQUIRE(WaitReadable(child.pidfd()));
  CHECK(child.Reap().has_value());
  child.Signal(SIGKILL);
}

TEST_CASE("descriptors are marked close-on-exec without close_range", "[os][spawn]") {
  LeakCheck leaks;
  const Fd base(fcntl(0, F_DUPFD, 900));
  const Fd low(fcntl(0, F_DUPFD, 800));
  REQUIRE(base.get() >= 900);
  MarkCloseOnExecByListing(base.get());
  CHECK((fcntl(base.get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK((fcntl(low.get(), F_GETFD) & FD_CLOEXEC) == 0);
}

TEST_CASE("the identity of a process survives being written down", "[os][procfs]") {
  const auto self = IdentityOf(getpid());
  REQUIRE(self.has_value());
  CHECK(self->start_time > 0);
  CHECK(ParseIdentity(ToText(*self)) == self);
  CHECK_FALSE(ParseIdentity("").has_value());
  CHECK_FALSE(ParseIdentity("1 5 world\n").has_value());
  CHECK_FALSE(ParseIdentity("77 5 wor").has_value());
}

TEST_CASE("a process is killed only if it is exactly the one noted", "[os][procfs]") {
  LeakCheck leaks;
  Spawner spawner;
  Started started = Run(spawner, "/bin/sleep", {"600"});
  REQUIRE(started.outcome.error == 0);
  auto identity = *IdentityOf(started.outcome.pid);
  Child child(started.outcome.pid, std::move(started.outcome.pidfd));
  SECTION("another start time") { identity.start_time += 1; }
  SECTION("another boot") { identity.world += "x"; }
  KillExactly(identity);
  CHECK_FALSE(child.Reap().has_value());
  KillExactly(*IdentityOf(child.pid()));
  REQUIRE(WaitReadable(child.pidfd()));
  CHECK(child.Reap()->signal == SIGKILL);
}

}  // namespace
}  // namespace plugreload::internal
