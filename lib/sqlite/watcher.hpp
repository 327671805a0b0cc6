// sqlite/watcher.hpp - one watch, on a connection and a thread of its own.
#ifndef PLUGRELOAD_SQLITE_WATCHER_HPP_
#define PLUGRELOAD_SQLITE_WATCHER_HPP_

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "plugreload/store.hpp"
#include "sqlite/core.hpp"

namespace plugreload::sqlite {

// A slow callback holds up nobody else, and falls out of the history at worst.
class Watcher : public StateStore::Watcher {
 public:
  // Throws std::system_error when there is no thread.
  Watcher(std::shared_ptr<Core> core, std::unique_ptr<Database> database, std::string prefix,
          Revision after, StateStore::WatchCallback callback);
  ~Watcher() override;

 private:
  void Run(Revision after);

  const std::shared_ptr<Core> core_;
  const std::unique_ptr<Database> database_;
  const std::string prefix_;
  const StateStore::WatchCallback callback_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace plugreload::sqlite

#endif  // PLUGRELOAD_SQLITE_WATCHER_HPP_
