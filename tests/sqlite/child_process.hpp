// sqlite/child_process.hpp - runs child.cpp and reads what it says.
#ifndef PLUGRELOAD_TESTS_SQLITE_CHILD_PROCESS_HPP_
#define PLUGRELOAD_TESTS_SQLITE_CHILD_PROCESS_HPP_

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "plugreload/types.hpp"
#include "support/plugins.hpp"

namespace plugreload::test {

// Killed and reaped when it goes.
class ChildProcess {
 public:
  explicit ChildProcess(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), PLUGRELOAD_SQLITE_CHILD);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    const int error = ::posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    out_ = ends[0];
    if (error != 0) throw std::runtime_error("cannot run " + arguments[0]);
  }
  ~ChildProcess() {
    Kill();
    ::close(out_);
  }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // The next line; nullopt at its end, or when it says nothing for too long.
  std::optional<std::string> Line() {
    const Deadline deadline = After(kPatience);
    std::size_t end;
    while ((end = text_.find('\n')) == std::string::npos) {
      const auto left =
          std::chrono::ceil<Millis>(deadline - std::chrono::steady_clock::now()).count();
      pollfd readable{out_, POLLIN, 0};
      if (left <= 0 || ::poll(&readable, 1, static_cast<int>(left)) <= 0) return std::nullopt;
      char buffer[4096];
      const ssize_t size = ::read(out_, buffer, sizeof buffer);
      if (size <= 0) return std::nullopt;
      text_.append(buffer, static_cast<std::size_t>(size));
    }
    std::string line = text_.substr(0, end);
    text_.erase(0, end + 1);
    return line;
  }

  // SIGKILL, and until the kernel has taken everything back.
  void Kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    int status;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
  int out_ = -1;
  std::string text_;
};

}  // namespace plugreload::test

#endif  // PLUGRELOAD_TESTS_SQLITE_CHILD_PROCESS_HPP_
