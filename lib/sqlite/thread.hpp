// sqlite/thread.hpp - threads with every signal blocked, and a turn that is waited for in time.
#ifndef PLUGRELOAD_SQLITE_THREAD_HPP_
#define PLUGRELOAD_SQLITE_THREAD_HPP_

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "plugreload/types.hpp"

namespace plugreload::sqlite {

// A joinable thread that receives none of the host's signals. Throws std::system_error.
std::thread StartThread(const std::string& name, std::function<void()> body);

// Who may use a connection now: a mutex that is given up on at a deadline.
class Turn {
 public:
  // False: it was somebody else's until the deadline.
  bool Take(Deadline deadline);
  void GiveBack();

 private:
  std::mutex mutex_;
  std::condition_variable free_;
  bool taken_ = false;  // guarded by mutex_
};

// Gives a turn back that was taken.
class TurnHolder {
 public:
  explicit TurnHolder(Turn& turn) : turn_(turn) {}
  ~TurnHolder() { turn_.GiveBack(); }
  TurnHolder(const TurnHolder&) = delete;
  TurnHolder& operator=(const TurnHolder&) = delete;

 private:
  Turn& turn_;
};

}  // namespace plugreload::sqlite

#endif  // PLUGRELOAD_SQLITE_THREAD_HPP_
