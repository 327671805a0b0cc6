// base/timers.hpp - one thread that calls short functions at their time.
#ifndef PLUGRELOAD_BASE_TIMERS_HPP_
#define PLUGRELOAD_BASE_TIMERS_HPP_

#include <functional>
#include <map>
#include <thread>

#include "base/mutex.hpp"
#include "plugreload/types.hpp"

namespace plugreload::internal {

// Thread safety: safe for concurrent use. Functions run one at a time and must not block.
class Timers {
 public:
  Timers();
  ~Timers() { Close(); }
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;

  // Calls `function` at or soon after `when`. Dropped uncalled by Close.
  void At(Deadline when, std::function<void()> function);
  // Waits for a running function. Idempotent.
  void Close();

 private:
  void Run();

  Mutex mutex_;
  CondVar changed_;
  std::multimap<Deadline, std::function<void()>> queue_ PLUGRELOAD_GUARDED_BY(mutex_);
  bool closed_ PLUGRELOAD_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_BASE_TIMERS_HPP_
