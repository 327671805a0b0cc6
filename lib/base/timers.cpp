#include "base/timers.hpp"

#include <chrono>

#include "base/thread.hpp"

namespace plugreload::internal {

Timers::Timers() : state_(std::make_shared<State>()) {
  thread_ = StartThread("pr-timers", [state = state_] { Run(*state); });
}

Timers::Alarm::~Alarm() {
  const auto state = state_.lock();
  if (state == nullptr) return;
  std::function<void()> dropped;  // destroyed without the lock
  const MutexLock lock(state->mutex);
  const auto found = state->queue.find(key_);
  if (found == state->queue.end()) return;
  dropped.swap(found->second);
  state->queue.erase(found);
}

Timers::Alarm Timers::AlarmAt(Deadline when, std::function<void()> function) {
  Alarm alarm;
  alarm.key_ = Add(when, std::move(function));
  alarm.state_ = state_;
  return alarm;
}

Timers::Key Timers::Add(Deadline when, std::function<void()> function) {
  const MutexLock lock(state_->mutex);
  const Key key{when, ++state_->last};
  if (state_->closed) return key;
  state_->queue.emplace(key, std::move(function));
  if (when < state_->asleep_until) state_->changed.NotifyAll();
  return key;
}

std::size_t Timers::pending() const {
  const MutexLock lock(state_->mutex);
  return state_->queue.size();
}

void Timers::Run(State& state) {
  for (;;) {
    std::function<void()> function;
    {
      const MutexLock lock(state.mutex);
      auto& queue = state.queue;
      while (!state.closed &&
             (queue.empty() || queue.begin()->first.first > std::chrono::steady_clock::now())) {
        state.asleep_until = queue.empty() ? Deadline::max() : queue.begin()->first.first;
        state.changed.WaitUntil(state.mutex, state.asleep_until);
        state.asleep_until = Deadline::min();
      }
      if (state.closed) return;
      function = std::move(queue.begin()->second);
      queue.erase(queue.begin());
    }
    function();
  }
}

void Timers::Close() {
  std::map<Key, std::function<void()>> dropped;  // destroyed without the lock
  {
    const MutexLock lock(state_->mutex);
    state_->closed = true;
    dropped.swap(state_->queue);
    state_->changed.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace plugreload::internal
