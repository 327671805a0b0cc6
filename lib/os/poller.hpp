// os/poller.hpp - one thread that waits for many descriptors.
#ifndef PLUGRELOAD_OS_POLLER_HPP_
#define PLUGRELOAD_OS_POLLER_HPP_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/mutex.hpp"
#include "os/fd.hpp"
#include "plugreload/status.hpp"
#include "plugreload/types.hpp"

namespace plugreload::internal {

// Everything it runs, it runs on its own thread, one thing after the other and with no lock held,
// so what is touched only from there needs none. Nothing it runs may block.
//
// Thread safety: Post, NewToken and Watch are safe for concurrent use; the others are for the
// poller's own thread.
class Poller {
 public:
  using Task = std::function<void()>;
  using Token = std::uint64_t;

  // kResourceExhausted "descriptors" when the kernel gives no epoll.
  static Result<std::unique_ptr<Poller>> Create();
  // Ends the thread. What is posted and did not run yet is dropped.
  ~Poller();
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  void Post(Task task);

  // Never 0. Made before, because what is watched may be ready before Watch returns.
  Token NewToken() { return next_.fetch_add(1, std::memory_order_relaxed); }
  // Runs `ready` again and again while `fd` is readable or hung up, until Unwatch. False: the
  // kernel refused.
  bool Watch(Token token, int fd, Task ready);
  // Before the descriptor is closed.
  void Unwatch(Token token, int fd);
  // Runs `task` once, not before `when`.
  void RunAt(Deadline when, Task task);

 private:
  Poller(Fd epoll, Fd wake);
  void Loop();
  bool RunPosted();
  std::shared_ptr<Task> Find(Token token);
  int RunTimers();  // how long to wait for the next one, as epoll_wait takes it

  Fd epoll_;
  Fd wake_;
  std::atomic<Token> next_{1};
  std::multimap<Deadline, Task> timers_;

  Mutex mutex_;
  std::unordered_map<Token, std::shared_ptr<Task>> watched_ PLUGRELOAD_GUARDED_BY(mutex_);
  std::vector<Task> posted_ PLUGRELOAD_GUARDED_BY(mutex_);
  bool ending_ PLUGRELOAD_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_OS_POLLER_HPP_
