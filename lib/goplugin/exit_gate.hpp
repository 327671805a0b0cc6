// goplugin/exit_gate.hpp - tells the end of an instance once, whoever notices it first.
#ifndef PLUGRELOAD_GOPLUGIN_EXIT_GATE_HPP_
#define PLUGRELOAD_GOPLUGIN_EXIT_GATE_HPP_

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "plugreload/launcher.hpp"

namespace plugreload::goplugin {

// Between the two that can notice (the process launcher, the health watch) and the one who wants to
// know. An end before Arm is kept for the start, which then fails.
//
// Thread safety: safe for concurrent use.
class ExitGate {
 public:
  using OnExit = std::function<void(const InstanceExit&)>;

  // The process has ended.
  void Ended(const InstanceExit& exit);
  // It runs but does not answer.
  void Unhealthy(const std::string& detail);

  // False: it has ended already.
  bool Arm(OnExit on_exit);
  // From here on nothing is told. Waits for a call that is under way, unless it is the caller's
  // own.
  void Disarm(Deadline deadline);

  bool ended() const;
  bool WaitEnded(Deadline deadline);
  // How it ended, in one line; empty when it has not.
  std::string EndText() const;

  // Requested when the process ends: for what waits for an answer of it.
  std::stop_token end_token() const { return end_.get_token(); }

 private:
  void Tell(const InstanceExit& exit, std::unique_lock<std::mutex>& lock);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  OnExit on_exit_;
  std::optional<InstanceExit> exit_;
  std::optional<std::thread::id> telling_;
  std::stop_source end_;
};

}  // namespace plugreload::goplugin

#endif  // PLUGRELOAD_GOPLUGIN_EXIT_GATE_HPP_
