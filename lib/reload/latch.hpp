// reload/latch.hpp - waits with a deadline until a number of things have happened elsewhere.
#ifndef PLUGRELOAD_RELOAD_LATCH_HPP_
#define PLUGRELOAD_RELOAD_LATCH_HPP_

#include <cstddef>

#include "base/mutex.hpp"

namespace plugreload::internal {

// Thread safety: safe for concurrent use. Shared with the callbacks that arrive.
class Latch {
 public:
  explicit Latch(std::size_t count) : left_(count) {}

  void Arrive() {
    const MutexLock lock(mutex_);
    --left_;
    changed_.NotifyAll();
  }
  // False at the deadline.
  bool Await(Deadline deadline) {
    const MutexLock lock(mutex_);
    while (left_ > 0 && changed_.WaitUntil(mutex_, deadline)) {
    }
    return left_ == 0;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::size_t left_ PLUGRELOAD_GUARDED_BY(mutex_);
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_RELOAD_LATCH_HPP_
