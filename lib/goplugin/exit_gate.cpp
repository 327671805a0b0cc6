#include "goplugin/exit_gate.hpp"

#include <utility>

namespace plugreload::goplugin {

void ExitGate::Ended(const InstanceExit& exit) {
  end_.request_stop();
  std::unique_lock lock(mutex_);
  exit_ = exit;
  changed_.notify_all();
  Tell(exit, lock);
}

void ExitGate::Unhealthy(const std::string& detail) {
  InstanceExit exit;
  exit.detail = detail;
  std::unique_lock lock(mutex_);
  Tell(exit, lock);
}

void ExitGate::Tell(const InstanceExit& exit, std::unique_lock<std::mutex>& lock) {
  OnExit call = std::exchange(on_exit_, nullptr);
  if (!call) return;
  telling_ = std::this_thread::get_id();
  lock.unlock();
  // A throwing host must not make Disarm wait in vain.
  try {
    call(exit);
  } catch (...) {
  }
  call = nullptr;
  lock.lock();
  telling_.reset();
  changed_.notify_all();
}

bool ExitGate::Arm(OnExit on_exit) {
  const std::lock_guard lock(mutex_);
  if (exit_) return false;
  on_exit_ = std::move(on_exit);
  return true;
}

void ExitGate::Disarm(Deadline deadline) {
  OnExit dropped;  // what it holds may be the host's, so it goes behind the lock
  std::unique_lock lock(mutex_);
  dropped = std::exchange(on_exit_, nullptr);
  changed_.wait_until(lock, deadline,
                      [this] { return !telling_ || *telling_ == std::this_thread::get_id(); });
}

bool ExitGate::ended() const {
  const std::lock_guard lock(mutex_);
  return exit_.has_value();
}

bool ExitGate::WaitEnded(Deadline deadline) {
  std::unique_lock lock(mutex_);
  return changed_.wait_until(lock, deadline, [this] { return exit_.has_value(); });
}

std::string ExitGate::EndText() const {
  const std::lock_guard lock(mutex_);
  return exit_ ? exit_->detail : std::string();
}

}  // namespace plugreload::goplugin
