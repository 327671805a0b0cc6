#include "launch/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

namespace plugreload::internal {
namespace {

// Pipes of a child that has ended: what is in them is read at once, so only somebody else who holds
// them can make this pass.
constexpr Millis kDrain{200};
constexpr Millis kLetGo{20};
constexpr std::size_t kChunk = 64 * 1024;
constexpr int kChunksPerTurn = 4;  // then the other children have theirs

}  // namespace

Process::Process(ProcessParts parts, Courier& courier, Courier::Name instance, OutputLimits limits,
                 std::size_t max_handshake, std::function<void()> finished)
    : child_(parts.pid, std::move(parts.pidfd)),
      liveness_(std::move(parts.liveness)),
      courier_(courier),
      max_handshake_(max_handshake),
      on_finished_(std::move(finished)),
      output_(courier, std::move(instance), limits) {
  out_.fd = std::move(parts.out);
  err_.fd = std::move(parts.err);
}

// The poller's closures hold the process, until the last of them is unwatched. Its thread may run
// each from the moment it is watched: the end, which touches everything, comes last.
void Process::Begin(Poller& poller) {
  poller_ = &poller;
  pidfd_token_ = poller.NewToken();
  out_.token = poller.NewToken();
  err_.token = poller.NewToken();
  if (out_.fd.valid()) Watch(out_, &Process::TakeOut);
  if (err_.fd.valid()) Watch(err_, &Process::TakeErr);
  const auto self = shared_from_this();
  if (poller.Watch(pidfd_token_, child_.pidfd(), [self] { self->LookForEnd(); })) return;
  // Without a way to notice its end it must not live; then it is found by looking.
  child_.Signal(SIGKILL);
  poller.Post([self] {
    self->pidfd_token_ = 0;
    self->LookForEnd();
  });
}

void Process::Watch(Stream& stream, void (Process::*take)(std::string_view)) {
  const bool watched =
      poller_->Watch(stream.token, stream.fd.get(),
                     [self = shared_from_this(), &stream, take] { self->Read(stream, take); });
  if (!watched) child_.Signal(SIGKILL);
}

void Process::Read(Stream& stream, void (Process::*take)(std::string_view)) {
  std::array<char, kChunk> chunk;
  for (int turn = 0; turn < kChunksPerTurn; ++turn) {
    const auto got = read(stream.fd.get(), chunk.data(), chunk.size());
    if (got > 0) {
      (this->*take)(std::string_view(chunk.data(), static_cast<std::size_t>(got)));
      continue;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    CloseStream(stream);
    if (ended_here_ && !out_.fd.valid() && !err_.fd.valid()) Finish();
    return;
  }
}

void Process::CloseStream(Stream& stream) {
  if (!stream.fd.valid()) return;
  if (poller_ != nullptr) poller_->Unwatch(stream.token, stream.fd.get());
  stream.fd.Reset();
  if (&stream != &out_) return;
  const MutexLock lock(mutex_);
  if (!line_result_) line_result_ = Wake::kClosed;
}

void Process::TakeOut(std::string_view bytes) {
  if (!line_done_) {
    const MutexLock lock(mutex_);
    const std::size_t end = bytes.find('\n');
    line_.append(bytes.substr(0, end));
    if (line_.size() > max_handshake_) {
      line_.resize(max_handshake_);
      line_result_ = Wake::kTooLong;
      line_done_ = true;
    } else if (end != std::string_view::npos) {
      line_result_ = Wake::kLine;
      line_done_ = true;
    }
    bytes = end == std::string_view::npos ? std::string_view() : bytes.substr(end + 1);
  }
  output_.AddOut(bytes);
}

void Process::LookForEnd() {
  if (ended_here_) return;
  const auto exit = child_.Reap();
  if (!exit) {
    // Nothing tells when a tracer has let go of it, and the pidfd stays readable.
    if (pidfd_token_ != 0) poller_->Unwatch(pidfd_token_, child_.pidfd());
    pidfd_token_ = 0;
    poller_->RunAt(After(Millis{20}), [self = shared_from_this()] { self->LookForEnd(); });
    return;
  }
  ended_here_ = true;
  poller_->Unwatch(pidfd_token_, child_.pidfd());
  {
    const MutexLock lock(mutex_);
    exit_ = exit;
  }
  // Its group is gone with it: mostly the pipes are at their end already, and whoever waits is
  // woken once.
  if (out_.fd.valid()) Read(out_, &Process::TakeOut);
  if (err_.fd.valid()) Read(err_, &Process::TakeErr);
  if (!out_.fd.valid() && !err_.fd.valid()) Finish();
  if (finished_here_) return;
  {
    const MutexLock lock(mutex_);
    changed_.NotifyAll();
  }
  poller_->RunAt(After(kDrain), [self = shared_from_this()] { self->Finish(); });
}

void Process::Finish() {
  if (std::exchange(finished_here_, true)) return;
  // On a busy machine the time may have passed before this thread came to read.
  if (out_.fd.valid()) Read(out_, &Process::TakeOut);
  if (err_.fd.valid()) Read(err_, &Process::TakeErr);
  const bool held = out_.fd.valid() || err_.fd.valid();
  CloseStream(out_);
  CloseStream(err_);
  output_.End();
  bool tell = false;
  {
    const MutexLock lock(mutex_);
    pipes_held_ = held;
    finished_ = true;
    tell = static_cast<bool>(on_exit_);
    changed_.NotifyAll();
  }
  if (tell) courier_.Post([self = shared_from_this()] { self->Notify(); });
  on_finished_();
}

void Process::Notify() {
  OnExit call;
  InstanceExit exit;
  {
    const MutexLock lock(mutex_);
    call = std::exchange(on_exit_, nullptr);
    if (!call) return;
    notifying_ = std::this_thread::get_id();
    exit.exit_code = exit_->code;
    exit.signal = exit_->signal;
  }
  exit.detail = EndText();
  // A throwing host must not make Disarm wait in vain.
  try {
    call(exit);
  } catch (...) {
  }
  call = nullptr;
  const MutexLock lock(mutex_);
  notifying_.reset();
  changed_.NotifyAll();
}

bool Process::Arm(OnExit on_exit) {
  const MutexLock lock(mutex_);
  if (exit_) return false;
  on_exit_ = std::move(on_exit);
  return true;
}

void Process::Disarm(Deadline deadline) {
  OnExit dropped;  // what it holds may be the host's, so it goes behind the lock
  const MutexLock lock(mutex_);
  dropped = std::exchange(on_exit_, nullptr);
  while (notifying_ && *notifying_ != std::this_thread::get_id()) {
    if (!changed_.WaitUntil(mutex_, deadline)) return;
  }
}

Process::Wake Process::WaitLine(Deadline deadline, const std::stop_token& cancel) {
  // Its end is what wakes this thread.
  const std::stop_callback kill(cancel, [this] { child_.Signal(SIGKILL); });
  for (;;) {
    if (cancel.stop_requested()) return Wake::kCancelled;
    {
      const MutexLock lock(mutex_);
      if (line_result_) return *line_result_;
    }
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left <= Deadline::duration::zero()) return Wake::kDeadline;
    const auto wait = std::min<Millis::rep>(std::chrono::ceil<Millis>(left).count(), 60'000);
    // A closed stream's number is below zero, which poll passes over.
    pollfd ready[3] = {
        {out_.fd.get(), POLLIN, 0}, {err_.fd.get(), POLLIN, 0}, {child_.pidfd(), POLLIN, 0}};
    if (poll(ready, 3, static_cast<int>(wait)) <= 0) continue;
    if (ready[0].revents != 0) Read(out_, &Process::TakeOut);
    if (ready[1].revents != 0) Read(err_, &Process::TakeErr);
    const bool quiet = ready[0].revents == 0 && ready[1].revents == 0;
    // What it wrote has been read; a pipe that is open still is somebody else's.
    if (quiet && ready[2].revents != 0) {
      return cancel.stop_requested() ? Wake::kCancelled : Wake::kClosed;
    }
  }
}

bool Process::WaitEnded(Deadline deadline) {
  const MutexLock lock(mutex_);
  while (!exit_) {
    if (!changed_.WaitUntil(mutex_, deadline)) break;
  }
  return exit_.has_value();
}

bool Process::WaitFinished(Deadline deadline) {
  const MutexLock lock(mutex_);
  while (!finished_) {
    if (!changed_.WaitUntil(mutex_, deadline)) break;
  }
  return finished_;
}

std::string Process::line() const {
  const MutexLock lock(mutex_);
  return line_;
}

bool Process::ended() const {
  const MutexLock lock(mutex_);
  return exit_.has_value();
}

bool Process::finished() const {
  const MutexLock lock(mutex_);
  return finished_;
}

bool Process::may_have_escaped() const {
  if (child_.group_missed()) return true;
  {
    const MutexLock lock(mutex_);
    if (pipes_held_) return true;
  }
  // Whoever was killed with the group lets go of it in a moment.
  pollfd held{liveness_.get(), 0, 0};
  return poll(&held, 1, static_cast<int>(kLetGo.count())) == 0;
}

void Process::CloseLiveness() { shutdown(liveness_.get(), SHUT_WR); }

std::string Process::EndText() const {
  ExitStatus exit;
  {
    const MutexLock lock(mutex_);
    if (exit_) exit = *exit_;
  }
  return ExitText(exit) + LastWordsText();
}

std::string Process::LastWordsText() const {
  const std::string words = output_.LastWords();
  return words.empty() ? words : "; its last words: " + words;
}

}  // namespace plugreload::internal
