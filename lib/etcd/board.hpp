// etcd/board.hpp - which of the commits made here have reached the watchers that are here.
#ifndef PLUGRELOAD_ETCD_BOARD_HPP_
#define PLUGRELOAD_ETCD_BOARD_HPP_

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <set>
#include <span>
#include <string>

#include "etcd/client.hpp"
#include "plugreload/store.hpp"

namespace plugreload::etcd {

// What the board knows of one watcher.
struct Watched {
  std::string prefix;  // of the store
  Interrupt interrupt;
  std::atomic<bool> store_closed{false};
  std::int64_t expected = 0;   // the newest commit of here that it must see
  std::int64_t delivered = 0;  // of etcd
};

// Thread safety: safe for concurrent use.
class Board {
 public:
  void Join(Watched* watched) {
    const std::lock_guard lock(mutex_);
    watched_.insert(watched);
  }
  void Leave(Watched* watched) {
    const std::lock_guard lock(mutex_);
    watched_.erase(watched);
    changed_.notify_all();
  }

  void Committed(std::span<const Change> changes, std::int64_t revision) {
    const std::lock_guard lock(mutex_);
    newest_ = std::max(newest_, revision);
    for (Watched* watched : watched_) {
      const bool touched = std::any_of(changes.begin(), changes.end(), [&](const Change& change) {
        return !change.check_only && change.key.starts_with(watched->prefix);
      });
      if (touched) watched->expected = std::max(watched->expected, revision);
    }
  }
  void Delivered(Watched* watched, std::int64_t revision) {
    const std::lock_guard lock(mutex_);
    newest_ = std::max(newest_, revision);
    watched->delivered = revision;
    changed_.notify_all();
  }

  // The newest commit that is known to have changed a document. What waits for it to come by a
  // watch does not wait in vain, as it may for the revision of etcd.
  std::int64_t newest() const {
    const std::lock_guard lock(mutex_);
    return newest_;
  }

  // Ends the watches, once they have delivered what was committed here or `patience` is over.
  void Close(Millis patience) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, After(patience), [this] {
      return std::all_of(watched_.begin(), watched_.end(), [](const Watched* watched) {
        return watched->delivered >= watched->expected;
      });
    });
    for (Watched* watched : watched_) {
      watched->store_closed.store(true);
      watched->interrupt.Set();
    }
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::set<Watched*> watched_;  // guarded by mutex_, as are their numbers
  std::int64_t newest_ = 0;     // guarded by mutex_
};

}  // namespace plugreload::etcd

#endif  // PLUGRELOAD_ETCD_BOARD_HPP_
