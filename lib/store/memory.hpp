// store/memory.hpp - the state store that lives in memory.
#ifndef PLUGRELOAD_STORE_MEMORY_HPP_
#define PLUGRELOAD_STORE_MEMORY_HPP_

#include <atomic>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>

#include "base/mutex.hpp"
#include "plugreload/store.hpp"

namespace plugreload::internal {

// What a watcher that starts late, or is slow, can still catch up on.
inline constexpr std::size_t kMaxHistory = 10'000;                 // commits
inline constexpr std::size_t kMaxHistoryBytes = 64 * 1024 * 1024;  // of keys and values

// The documents and the last commits. Commits are as StateStore says.
//
// Thread safety: safe for concurrent use.
class MemoryCore {
 public:
  Result<Revision> Commit(std::span<const Change> changes, Deadline deadline);
  Result<Snapshot> Load(std::string_view prefix, Deadline deadline) const;
  // Of a document; 0: there is none.
  Revision RevisionOf(std::string_view key) const;
  // The commit behind `after`, when there is one; null once `stop` is set. kOutOfRange "compacted";
  // kUnavailable "store_closed" when there is none and will be none.
  Result<std::shared_ptr<const WatchBatch>> Next(Revision after, const std::atomic<bool>& stop);
  // Makes every Next look at its `stop` again.
  void Wake();
  void Close();

 private:
  Status Compare(std::span<const Change> changes) const PLUGRELOAD_REQUIRES(mutex_);
  void Remember(std::shared_ptr<const WatchBatch> batch) PLUGRELOAD_REQUIRES(mutex_);

  mutable Mutex mutex_;
  CondVar committed_;
  std::map<std::string, Document, std::less<>> documents_ PLUGRELOAD_GUARDED_BY(mutex_);
  std::deque<std::shared_ptr<const WatchBatch>> history_ PLUGRELOAD_GUARDED_BY(mutex_);
  std::size_t history_bytes_ PLUGRELOAD_GUARDED_BY(mutex_) = 0;
  Revision revision_ PLUGRELOAD_GUARDED_BY(mutex_) = 0;
  bool closed_ PLUGRELOAD_GUARDED_BY(mutex_) = false;
};

// One watch with a thread of its own: a slow callback holds up nobody else, and falls out of the
// history at worst.
class MemoryWatcher : public StateStore::Watcher {
 public:
  MemoryWatcher(std::shared_ptr<MemoryCore> core, std::string prefix, Revision after,
                StateStore::WatchCallback callback);
  ~MemoryWatcher() override;

 private:
  void Run(Revision after);

  const std::shared_ptr<MemoryCore> core_;
  const std::string prefix_;
  const StateStore::WatchCallback callback_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_STORE_MEMORY_HPP_
