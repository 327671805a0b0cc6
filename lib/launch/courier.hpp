// launch/courier.hpp - carries log lines and exits to the host, away from the thread that reads.
#ifndef PLUGRELOAD_LAUNCH_COURIER_HPP_
#define PLUGRELOAD_LAUNCH_COURIER_HPP_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/mutex.hpp"
#include "plugreload/host.hpp"

namespace plugreload::internal {

// A thread that calls the host, so that a slow host never keeps the pipes of its plugins from being
// read: a plugin that writes to a full pipe stands still. Log lines are bounded: what the host does
// not take in time is dropped, counted and told.
//
// Thread safety: safe for concurrent use.
class Courier {
 public:
  using LogFunction = std::function<void(const LogRecord&)>;
  using Name = std::shared_ptr<const std::string>;

  explicit Courier(LogFunction log);
  // Delivers what waits, then ends; in a call of its own it leaves that to the thread.
  ~Courier();
  Courier(const Courier&) = delete;
  Courier& operator=(const Courier&) = delete;

  bool wants_logs() const { return wants_logs_; }
  void Log(LogLevel level, const Name& instance, std::string message);
  // Runs `call` behind everything before it. Never dropped.
  void Post(std::function<void()> call);

 private:
  struct Item {
    LogLevel level;
    Name instance;
    std::string message;
    std::function<void()> call;
  };
  struct Shared {
    LogFunction log;
    Mutex mutex;
    CondVar changed;
    std::deque<Item> items PLUGRELOAD_GUARDED_BY(mutex);
    std::size_t bytes PLUGRELOAD_GUARDED_BY(mutex) = 0;
    std::uint64_t dropped PLUGRELOAD_GUARDED_BY(mutex) = 0;
    bool ending PLUGRELOAD_GUARDED_BY(mutex) = false;
  };
  static void Loop(Shared& shared);
  static void Deliver(const Shared& shared, const Item& item);

  const bool wants_logs_;
  std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_LAUNCH_COURIER_HPP_
