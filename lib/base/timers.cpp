#include "base/timers.hpp"

#include <utility>

#include "base/thread.hpp"

namespace plugreload::internal {

Timers::Timers() {
  thread_ = StartThread("pr-timers", [this] { Run(); });
}

void Timers::At(Deadline when, std::function<void()> function) {
  const MutexLock lock(mutex_);
  if (closed_) return;
  const bool first = queue_.empty() || when < queue_.begin()->first;
  queue_.emplace(when, std::move(function));
  if (first) changed_.NotifyAll();
}

void Timers::Run() {
  for (;;) {
    std::function<void()> function;
    {
      const MutexLock lock(mutex_);
      while (!closed_ &&
             (queue_.empty() || queue_.begin()->first > std::chrono::steady_clock::now())) {
        changed_.WaitUntil(mutex_, queue_.empty() ? Deadline::max() : queue_.begin()->first);
      }
      if (closed_) return;
      function = std::move(queue_.begin()->second);
      queue_.erase(queue_.begin());
    }
    function();
  }
}

void Timers::Close() {
  std::multimap<Deadline, std::function<void()>> dropped;  // destroyed without the lock
  {
    const MutexLock lock(mutex_);
    closed_ = true;
    dropped.swap(queue_);
    changed_.NotifyAll();
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace plugreload::internal
