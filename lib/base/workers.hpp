// base/workers.hpp - a bounded pool of threads for work that may block.
#ifndef PLUGRELOAD_BASE_WORKERS_HPP_
#define PLUGRELOAD_BASE_WORKERS_HPP_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "plugreload/types.hpp"

namespace plugreload::internal {

// Runs tasks first in, first out, on at most `limit` threads. The first one is there from the
// beginning, the others are made when needed; where none is to be had, those that are do the work.
//
// Thread safety: safe for concurrent use.
class Workers {
 public:
  // Throws std::system_error when there is no thread to be had.
  Workers(std::string name, std::size_t limit);
  // Close without patience: threads that do not end now are left to end by themselves.
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  // False after Close: the task is not run, and destroyed.
  bool Post(std::function<void()> task);

  // While it lives, one more thread may run, if it is to be had: the current task is overdue (a
  // host's callback that does not return) and must not hold up the others.
  class Overdue {
   public:
    Overdue() = default;
    explicit Overdue(Workers& workers);
    ~Overdue();
    Overdue(Overdue&& other) noexcept = default;
    Overdue& operator=(Overdue&& other) noexcept = default;

   private:
    struct Share;
    std::shared_ptr<Share> share_;
  };

  // Runs what is queued to its end, then closes. False: not all had ended at the deadline.
  bool Finish(Deadline deadline);
  // Drops queued tasks, waits for running ones. False: some still ran at the deadline; they keep
  // what they captured alive until they end.
  bool Close(Deadline deadline);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_BASE_WORKERS_HPP_
