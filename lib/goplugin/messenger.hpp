// goplugin/messenger.hpp - calls the host, away from the thread that reads from plugins.
#ifndef PLUGRELOAD_GOPLUGIN_MESSENGER_HPP_
#define PLUGRELOAD_GOPLUGIN_MESSENGER_HPP_

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "plugreload/host.hpp"

namespace plugreload::goplugin {

using LogFunction = std::function<void(const LogRecord&)>;

// In order; log lines are bounded: what the host does not take in time is dropped, counted, told.
//
// Thread safety: safe for concurrent use.
class Messenger {
 public:
  explicit Messenger(LogFunction log);
  // Delivers what waits, then ends.
  ~Messenger();
  Messenger(const Messenger&) = delete;
  Messenger& operator=(const Messenger&) = delete;

  void Log(LogLevel level, std::shared_ptr<const std::string> instance, std::string message);
  // Never dropped.
  void Post(std::function<void()> call);

 private:
  struct Item {
    LogLevel level = LogLevel::kInfo;
    std::shared_ptr<const std::string> instance;
    std::string message;
    std::function<void()> call;
  };
  struct Shared {
    LogFunction log;
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Item> items;
    std::size_t bytes = 0;
    std::uint64_t dropped = 0;
    bool ending = false;
  };
  static void Run(Shared& shared);
  static void Deliver(const Shared& shared, const Item& item);

  const std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace plugreload::goplugin

#endif  // PLUGRELOAD_GOPLUGIN_MESSENGER_HPP_
