#include "os/child.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace plugreload::internal {
namespace {

constexpr auto kPidfd = static_cast<idtype_t>(3);  // P_PIDFD, Linux 5.4

// Of linux/pidfd.h as of 6.15, which older headers lack.
struct PidfdInfo {
  std::uint64_t mask;
  std::uint64_t cgroup;
  std::uint32_t ids[11];
  std::int32_t exit_code;
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr std::uint64_t kPidfdInfoExit = 1U << 3;
constexpr unsigned long kPidfdGetInfo = _IOWR(0xFF, 11, PidfdInfo);

ExitStatus FromWaitStatus(int status) {
  ExitStatus exit;
  if (WIFEXITED(status)) exit.code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) exit.signal = WTERMSIG(status);
  return exit;
}

// The kernel remembers the status in the pidfd even when somebody else reaped the child.
ExitStatus AskPidfd(int pidfd) {
  for (int attempt = 0; attempt < 10; ++attempt) {
    PidfdInfo info{};
    info.mask = kPidfdInfoExit;
    if (ioctl(pidfd, kPidfdGetInfo, &info) != 0 && errno != ESRCH) return {};
    if ((info.mask & kPidfdInfoExit) != 0) return FromWaitStatus(info.exit_code);
    // The pidfd is readable a moment before the kernel has reaped a child on its own.
    const timespec moment{0, 500'000};
    // lint: allow-sleep nothing tells when the kernel is done
    nanosleep(&moment, nullptr);
  }
  return {};
}

bool Ended(int pidfd) {
  pollfd poll_one{pidfd, POLLIN, 0};
  return poll(&poll_one, 1, 0) == 1;
}

}  // namespace

std::string ExitText(const ExitStatus& status) {
  if (status.code) return fmt::format("exit status {}", *status.code);
  if (status.signal) {
    const char* name = sigdescr_np(*status.signal);
    return fmt::format("signal {} ({})", *status.signal, name != nullptr ? name : "?");
  }
  return "exit status unknown";
}

void Child::Signal(int signal) {
  const MutexLock lock(mutex_);
  if (reaped_) return;
  // In this order: a leader that ended already still holds the group's number.
  kill(-pid_, signal);
  if (signal == SIGKILL) syscall(SYS_pidfd_send_signal, pidfd_.get(), signal, nullptr, 0);
}

std::optional<ExitStatus> Child::Reap() {
  if (!Ended(pidfd_.get())) return std::nullopt;
  const auto id = static_cast<id_t>(pidfd_.get());
  siginfo_t info{};
  {
    const MutexLock lock(mutex_);
    const bool there = waitid(kPidfd, id, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
    // A debugger that traces it is told first.
    if (there && info.si_pid == 0) return std::nullopt;
    if (there) {
      // A zombie still: the number of the group is ours for this one moment.
      kill(-pid_, SIGKILL);
      info = {};
      if (waitid(kPidfd, id, &info, WEXITED | WNOHANG) == 0 && info.si_pid == pid_) {
        reaped_ = true;
      }
    } else {
      group_missed_ = true;
    }
    if (!reaped_) {
      reaped_ = true;
      info = {};
    }
  }
  if (info.si_pid != pid_) return AskPidfd(pidfd_.get());
  ExitStatus exit;
  if (info.si_code == CLD_EXITED) {
    exit.code = info.si_status;
  } else {
    exit.signal = info.si_status;
  }
  return exit;
}

bool Child::group_missed() const {
  const MutexLock lock(mutex_);
  return group_missed_;
}

}  // namespace plugreload::internal
