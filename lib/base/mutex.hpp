// base/mutex.hpp - std::mutex with clang's thread-safety annotations, and a condition with
// deadlines.
#ifndef PLUGRELOAD_BASE_MUTEX_HPP_
#define PLUGRELOAD_BASE_MUTEX_HPP_

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "plugreload/types.hpp"

#if defined(__clang__)
#define PLUGRELOAD_TS(x) __attribute__((x))
#else
#define PLUGRELOAD_TS(x)
#endif
#define PLUGRELOAD_GUARDED_BY(m) PLUGRELOAD_TS(guarded_by(m))
#define PLUGRELOAD_REQUIRES(...) PLUGRELOAD_TS(requires_capability(__VA_ARGS__))
#define PLUGRELOAD_EXCLUDES(...) PLUGRELOAD_TS(locks_excluded(__VA_ARGS__))

namespace plugreload::internal {

// Not absl::Mutex: Debian's is not instrumented for ThreadSanitizer, detects deadlocks at 54 ns a
// lock, and leaves thread-exit hooks in the host.
class PLUGRELOAD_TS(capability("mutex")) Mutex {
 public:
  void Lock() PLUGRELOAD_TS(acquire_capability()) { mutex_.lock(); }
  void Unlock() PLUGRELOAD_TS(release_capability()) { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class PLUGRELOAD_TS(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) PLUGRELOAD_TS(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.Lock();
  }
  ~MutexLock() PLUGRELOAD_TS(release_capability()) { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

class CondVar {
 public:
  void NotifyAll() { condition_.notify_all(); }
  void NotifyOne() { condition_.notify_one(); }
  // False when the deadline passed. May wake without a reason: call in a loop on the condition.
  bool WaitUntil(Mutex& mutex, Deadline deadline) PLUGRELOAD_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    // A day at a time: libstdc++ overflows when it converts the latest point there is.
    const Deadline soon = std::chrono::steady_clock::now() + std::chrono::hours(24);
    const bool in_time = condition_.wait_until(lock, deadline < soon ? deadline : soon) ==
                         std::cv_status::no_timeout;
    lock.release();
    return in_time || deadline > soon;
  }
  // Only for threads whose end is certain to notify (workers and their queues).
  void Wait(Mutex& mutex) PLUGRELOAD_REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }

 private:
  std::condition_variable condition_;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_BASE_MUTEX_HPP_
