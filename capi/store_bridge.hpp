// store_bridge.hpp - plugreload_store_ops as StateStore.
#ifndef PLUGRELOAD_CAPI_STORE_BRIDGE_HPP_
#define PLUGRELOAD_CAPI_STORE_BRIDGE_HPP_

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host_bridge.hpp"
#include "plugreload/plugreload_store.h"
#include "plugreload/store.hpp"

namespace plugreload::capi {

// What a watch of the table calls. It outlives the watch, as the bridge does, so that a call that
// comes too late finds it ended instead of freed.
//
// Thread safety: safe for concurrent use, although a store should not call concurrently.
class WatchSink {
 public:
  WatchSink(Revision after, StateStore::WatchCallback callback)
      : last_(after), callback_(std::move(callback)) {}

  plugreload_watcher Table();
  // Waits for a running call; later ones do nothing.
  void Retire();

 private:
  static void OnBatch(void* context, std::int64_t revision, const char* const* keys,
                      const std::size_t* key_lens, const char* const* values,
                      const std::size_t* value_lens, std::size_t count);
  static void OnEnd(void* context, plugreload_code code, const char* reason, std::size_t reason_len,
                    const char* message, std::size_t message_len);
  void Give(const Result<WatchBatch>& batch);

  std::mutex mutex_;
  Revision last_;                       // guarded by mutex_
  StateStore::WatchCallback callback_;  // null once it has ended; guarded by mutex_
};

// Its watchers and keepers keep it, so that destroy comes after the last of them.
//
// Thread safety: as the table's functions, which must be safe for concurrent use.
class StoreBridge : public StateStore, public std::enable_shared_from_this<StoreBridge> {
 public:
  StoreBridge(const plugreload_store_ops& table, UserData user_data)
      : table_(table), user_data_(std::move(user_data)) {}

  Result<Revision> Commit(std::span<const Change> changes, Deadline deadline) override;
  Result<Snapshot> Load(std::string_view prefix, Deadline deadline) override;
  Result<std::unique_ptr<Watcher>> Watch(std::string_view prefix, Revision after,
                                         WatchCallback callback) override;
  Result<std::unique_ptr<Keeper>> Keep(std::string_view key, std::string_view value, Millis ttl,
                                       Deadline deadline) override;

  const plugreload_store_ops& table() const { return table_; }
  void* user_data() const { return user_data_.get(); }

 private:
  const plugreload_store_ops table_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<WatchSink>> sinks_;  // of every watch there was; guarded by mutex_
  const UserData user_data_;                       // last: destroyed before the sinks
};

}  // namespace plugreload::capi

#endif  // PLUGRELOAD_CAPI_STORE_BRIDGE_HPP_
