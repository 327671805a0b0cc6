// base/timers.hpp - one thread that calls short functions at their time.
#ifndef PLUGRELOAD_BASE_TIMERS_HPP_
#define PLUGRELOAD_BASE_TIMERS_HPP_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <utility>

#include "base/mutex.hpp"
#include "plugreload/types.hpp"

namespace plugreload::internal {

// Thread safety: safe for concurrent use. Functions run one at a time and must not block.
class Timers {
 private:
  struct State;
  using Key = std::pair<Deadline, std::uint64_t>;

 public:
  Timers();
  ~Timers() { Close(); }
  Timers(const Timers&) = delete;
  Timers& operator=(const Timers&) = delete;

  // Takes its function back when it ends, if that has not been called yet; does not wait for one
  // that runs. May outlive the timers.
  class Alarm {
   public:
    Alarm() = default;
    Alarm(Alarm&& other) noexcept = default;
    Alarm& operator=(Alarm&&) = delete;
    ~Alarm();

   private:
    friend class Timers;
    std::weak_ptr<State> state_;
    Key key_;
  };

  // Calls `function` at or soon after `when`. Dropped uncalled by Close.
  void At(Deadline when, std::function<void()> function) { (void)Add(when, std::move(function)); }
  [[nodiscard]] Alarm AlarmAt(Deadline when, std::function<void()> function);
  // How many wait.
  std::size_t pending() const;
  // Waits for a running function. Idempotent.
  void Close();

 private:
  struct State {
    mutable Mutex mutex;
    CondVar changed;
    std::map<Key, std::function<void()>> queue PLUGRELOAD_GUARDED_BY(mutex);
    std::uint64_t last PLUGRELOAD_GUARDED_BY(mutex) = 0;
    // When the thread looks next, by itself. An alarm that is taken back does not wake it, so that
    // one after the other that never rings costs it nothing.
    Deadline asleep_until PLUGRELOAD_GUARDED_BY(mutex) = Deadline::min();
    bool closed PLUGRELOAD_GUARDED_BY(mutex) = false;
  };
  Key Add(Deadline when, std::function<void()> function);
  static void Run(State& state);

  const std::shared_ptr<State> state_;
  std::thread thread_;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_BASE_TIMERS_HPP_
