#include "bare_child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "harness.hpp"

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif

namespace plugreload::bench {
namespace {

constexpr auto kPidfd = static_cast<idtype_t>(3);  // P_PIDFD

struct Arguments {
  const char* program;
  char* const* argv;
  char* const* env;
  int out;
};

int Child(void* opaque) {
  const auto* arguments = static_cast<const Arguments*>(opaque);
  dup2(arguments->out, STDOUT_FILENO);
  execve(arguments->program, arguments->argv, arguments->env);
  _exit(127);
}

bool ReadLine(int fd) {
  char text[512];
  std::size_t size = 0;
  pollfd ready{fd, POLLIN, 0};
  while (size < sizeof text && poll(&ready, 1, 60'000) == 1) {
    const auto got = read(fd, text + size, sizeof text - size);
    if (got <= 0) return false;
    size += static_cast<std::size_t>(got);
    if (std::memchr(text, '\n', size) != nullptr) return true;
  }
  return false;
}

bool Stop(int pidfd) {
  syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, nullptr, 0);
  pollfd ended{pidfd, POLLIN, 0};
  siginfo_t info{};
  return poll(&ended, 1, 60'000) == 1 &&
         waitid(kPidfd, static_cast<id_t>(pidfd), &info, WEXITED) == 0;
}

}  // namespace

bool BareCycle(const std::string& program, const std::string& directory) {
  BareCost cost;
  return BareParts(program, directory, cost);
}

bool BareParts(const std::string& program, const std::string& directory, BareCost& cost) {
  alignas(16) static thread_local char stack[64 * 1024];
  const double begin = WallNow();
  std::string name = program, variable = "PLUGIN_UNIX_SOCKET_DIR=" + directory;
  char* argv[] = {name.data(), nullptr};
  char* env[] = {variable.data(), nullptr};
  int out[2], pidfd = -1;
  if (pipe2(out, O_CLOEXEC) != 0) return false;
  Arguments arguments{name.c_str(), argv, env, out[1]};
  const int pid = clone(Child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD,
                        &arguments, &pidfd);
  close(out[1]);
  const bool started = pid > 0 && ReadLine(out[0]);
  const double running = WallNow();
  close(out[0]);
  const bool stopped = pid > 0 && Stop(pidfd);
  if (pidfd >= 0) close(pidfd);
  unlink((directory + "/p").c_str());
  cost.start += (running - begin) / 1'000;
  cost.stop += (WallNow() - running) / 1'000;
  return started && stopped;
}

bool SpawnCycle(const std::string& program, const std::string& directory) {
  std::string name = program, variable = "PLUGIN_UNIX_SOCKET_DIR=" + directory;
  char* argv[] = {name.data(), nullptr};
  char* env[] = {variable.data(), nullptr};
  int out[2];
  if (pipe2(out, O_CLOEXEC) != 0) return false;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  pid_t pid = -1;
  bool good = posix_spawn(&pid, name.c_str(), &actions, nullptr, argv, env) == 0;
  posix_spawn_file_actions_destroy(&actions);
  close(out[1]);
  if (good) {
    good = ReadLine(out[0]);
    kill(pid, SIGTERM);
    good = waitpid(pid, nullptr, 0) == pid && good;
  }
  close(out[0]);
  unlink((directory + "/p").c_str());
  return good;
}

}  // namespace plugreload::bench
