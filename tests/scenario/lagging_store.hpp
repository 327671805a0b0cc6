// scenario/lagging_store.hpp - a store whose watches arrive late, as those of a slow node do.
#ifndef PLUGRELOAD_TESTS_SCENARIO_LAGGING_STORE_HPP_
#define PLUGRELOAD_TESTS_SCENARIO_LAGGING_STORE_HPP_

#include <atomic>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "plugreload/store.hpp"

namespace plugreload::test {

// Another node's way to the same store.
class LaggingStore : public StateStore {
 public:
  explicit LaggingStore(std::shared_ptr<StateStore> store) : store_(std::move(store)) {}
  ~LaggingStore() override { Arrive(); }

  // What is committed from now on does not arrive, until Arrive.
  void Lag() { late_ = true; }
  void Arrive() {
    late_ = false;
    late_.notify_all();
  }
  int loads() const { return loads_; }

  Result<Revision> Commit(std::span<const Change> changes, Deadline deadline) override {
    return store_->Commit(changes, deadline);
  }
  Result<Snapshot> Load(std::string_view prefix, Deadline deadline) override {
    auto snapshot = store_->Load(prefix, deadline);
    ++loads_;
    return snapshot;
  }
  Result<std::unique_ptr<Watcher>> Watch(std::string_view prefix, Revision after,
                                         WatchCallback callback) override {
    return store_->Watch(prefix, after,
                         [this, callback = std::move(callback)](const Result<WatchBatch>& batch) {
                           late_.wait(true);
                           callback(batch);
                         });
  }
  Result<std::unique_ptr<Keeper>> Keep(std::string_view key, std::string_view value, Millis ttl,
                                       Deadline deadline) override {
    return store_->Keep(key, value, ttl, deadline);
  }

 private:
  const std::shared_ptr<StateStore> store_;
  std::atomic<bool> late_{false};
  std::atomic<int> loads_{0};
};

// Answers everything but what is asked about a request.
class Forgetful : public LaggingStore {
 public:
  using LaggingStore::LaggingStore;
  Result<Snapshot> Load(std::string_view prefix, Deadline deadline) override {
    if (prefix.starts_with("state/reloads/")) {
      return Status(Code::kUnavailable, "store_unreachable", "it is away");
    }
    return LaggingStore::Load(prefix, deadline);
  }
};

}  // namespace plugreload::test

#endif  // PLUGRELOAD_TESTS_SCENARIO_LAGGING_STORE_HPP_
