// launch/process.hpp - a running child: its output, its handshake line, its end.
#ifndef PLUGRELOAD_LAUNCH_PROCESS_HPP_
#define PLUGRELOAD_LAUNCH_PROCESS_HPP_

#include <array>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "base/mutex.hpp"
#include "launch/courier.hpp"
#include "launch/output.hpp"
#include "os/child.hpp"
#include "os/fd.hpp"
#include "os/poller.hpp"
#include "plugreload/launcher.hpp"

namespace plugreload::internal {

// What the host's side of a new child consists of.
struct ProcessParts {
  pid_t pid = -1;
  Fd pidfd;
  Fd out;
  Fd err;
  Fd liveness;
};

// Shared by whoever starts and stops the child and by the poller, which reads the pipes for ever,
// notices the end, kills what is left of the group and reaps. The end has two steps: *ended* when
// the leader has, *finished* when its pipes are read to their end too, or were given up because a
// process that left the group still holds them.
//
// Thread safety: safe for concurrent use.
class Process : public std::enable_shared_from_this<Process> {
 public:
  enum class Wake { kLine, kTooLong, kClosed, kDeadline, kCancelled };
  using OnExit = std::function<void(const InstanceExit&)>;

  // `finished` runs once on the poller's thread.
  Process(ProcessParts parts, Courier& courier, Courier::Name instance, OutputLimits limits,
          std::size_t max_handshake, std::function<void()> finished);

  // Waits for the first line on stdout, reading both pipes on the calling thread, which is what
  // saves a hop between the child and its start. kClosed: stdout was closed, or the child ended,
  // before it. A cancel kills the child. Once, before Begin.
  Wake WaitLine(Deadline deadline, const std::stop_token& cancel);
  // From here on the poller looks after it.
  void Begin(Poller& poller);
  std::string line() const;  // what came of it

  bool WaitEnded(Deadline deadline);
  bool WaitFinished(Deadline deadline);
  bool ended() const;
  bool finished() const;
  // Somebody outside the group held the pipes or the liveness socket, or nobody could tell: look
  // for what it left. For one that has ended; waits 20 ms at most.
  bool may_have_escaped() const;

  // The child reads the end of it.
  void CloseLiveness();
  void Signal(int signal) { child_.Signal(signal); }

  // From here on an end that nobody asked for is told. False: it has ended already.
  bool Arm(OnExit on_exit);
  // From here on it is not. Waits for a call that is under way, unless it is the caller's own.
  void Disarm(Deadline deadline);

  pid_t pid() const { return child_.pid(); }
  // "exit status 1; its last words: ...".
  std::string EndText() const;
  // "; its last words: ...", or empty.
  std::string LastWordsText() const;

 private:
  // Both on the thread of WaitLine, then on the poller's.
  struct Stream {
    Fd fd;
    Poller::Token token = 0;
  };
  void Watch(Stream& stream, void (Process::*take)(std::string_view));
  void Read(Stream& stream, void (Process::*take)(std::string_view));
  void CloseStream(Stream& stream);
  void TakeOut(std::string_view bytes);
  void TakeErr(std::string_view bytes) { output_.AddErr(bytes); }
  void LookForEnd();
  void Finish();
  void Notify();

  Child child_;
  // A pair of sockets and not a pipe, of which this end would not tell whether the other is held.
  const Fd liveness_;
  Courier& courier_;
  const std::size_t max_handshake_;
  const std::function<void()> on_finished_;

  // The poller's, from Begin on.
  Poller* poller_ = nullptr;
  Poller::Token pidfd_token_ = 0;
  Stream out_, err_;
  bool line_done_ = false;
  bool ended_here_ = false;
  bool finished_here_ = false;

  Output output_;

  mutable Mutex mutex_;
  CondVar changed_;
  std::string line_ PLUGRELOAD_GUARDED_BY(mutex_);
  std::optional<Wake> line_result_ PLUGRELOAD_GUARDED_BY(mutex_);
  std::optional<ExitStatus> exit_ PLUGRELOAD_GUARDED_BY(mutex_);
  bool finished_ PLUGRELOAD_GUARDED_BY(mutex_) = false;
  bool pipes_held_ PLUGRELOAD_GUARDED_BY(mutex_) = false;
  OnExit on_exit_ PLUGRELOAD_GUARDED_BY(mutex_);
  std::optional<std::thread::id> notifying_ PLUGRELOAD_GUARDED_BY(mutex_);
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_LAUNCH_PROCESS_HPP_
