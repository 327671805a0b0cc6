// exit_gate.hpp - what a launcher of the host tells about the end of an instance.
#ifndef PLUGRELOAD_CAPI_EXIT_GATE_HPP_
#define PLUGRELOAD_CAPI_EXIT_GATE_HPP_

#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "plugreload/launcher.hpp"

namespace plugreload::capi {

// Keeps the host to the contract of StartContext::on_exit: at most once, not before the instance is
// made, not after it is stopped.
//
// Thread safety: safe for concurrent use.
class ExitGate {
 public:
  using OnExit = std::function<void(const InstanceExit&)>;
  explicit ExitGate(OnExit on_exit) : on_exit_(std::move(on_exit)) {}

  void Tell(const InstanceExit& exit) {
    OnExit call;
    {
      const std::lock_guard lock(mutex_);
      if (!exit_) exit_ = exit;
      if (!open_) return;
      call = std::exchange(on_exit_, nullptr);
    }
    if (call) call(exit);
  }
  // The instance is made. How it has ended already, if it has.
  std::optional<InstanceExit> Open() {
    const std::lock_guard lock(mutex_);
    open_ = !exit_.has_value();
    return exit_;
  }
  void Close() {
    OnExit dropped;  // goes behind the lock
    const std::lock_guard lock(mutex_);
    open_ = false;
    dropped = std::exchange(on_exit_, nullptr);
  }

 private:
  std::mutex mutex_;
  bool open_ = false;
  std::optional<InstanceExit> exit_;
  OnExit on_exit_;
};

}  // namespace plugreload::capi

#endif  // PLUGRELOAD_CAPI_EXIT_GATE_HPP_
