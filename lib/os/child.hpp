// os/child.hpp - a child process, held by its pidfd from birth to reaping.
#ifndef PLUGRELOAD_OS_CHILD_HPP_
#define PLUGRELOAD_OS_CHILD_HPP_

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/mutex.hpp"
#include "os/fd.hpp"

namespace plugreload::internal {

// How it ended; neither: it did, and nobody can tell how.
struct ExitStatus {
  std::optional<int> code;
  std::optional<int> signal;
};

// "exit status 3", "signal 9 (Killed)", "exit status unknown".
std::string ExitText(const ExitStatus& status);

// The leader of a process group of its own.
//
// Thread safety: safe for concurrent use.
class Child {
 public:
  Child(pid_t pid, Fd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}

  pid_t pid() const { return pid_; }
  // Readable once the child has ended.
  int pidfd() const { return pidfd_.get(); }

  // Sends `signal` to the leader and its group. Does nothing once the leader is reaped: from then
  // on the group's number may belong to somebody else.
  void Signal(int signal);

  // If the leader has ended, and no tracer of it must be told first: kills what is left of its
  // group, reaps it, and tells how it ended. Works, with less to tell, in a host that ignores
  // SIGCHLD or waits for any child: then the kernel or the host reaped it, and `group_missed` says
  // that the group could not be killed.
  std::optional<ExitStatus> Reap();
  bool group_missed() const;

 private:
  const pid_t pid_;
  const Fd pidfd_;
  mutable Mutex mutex_;
  bool reaped_ PLUGRELOAD_GUARDED_BY(mutex_) = false;
  bool group_missed_ PLUGRELOAD_GUARDED_BY(mutex_) = false;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_OS_CHILD_HPP_
