// contract/store_suite.hpp - the stores that the contract suite runs on, and what its cases need.
#ifndef PLUGRELOAD_TESTS_CONTRACT_STORE_SUITE_HPP_
#define PLUGRELOAD_TESTS_CONTRACT_STORE_SUITE_HPP_

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.hpp"
#include "plugreload/store_limits.hpp"
#include "support/catch.hpp"

#ifdef PLUGRELOAD_TEST_SQLITE
#include "contract/sqlite_under_test.hpp"
#endif

namespace plugreload::internal {

// A backend is done when every case passes on it: add it to StoresUnderTest.
struct StoreUnderTest {
  std::string name;
  std::function<std::shared_ptr<StateStore>()> open;  // empty, of its own
  // Commits that are certainly more than it keeps for late watchers; 0: it keeps all.
  std::size_t beyond_history = 0;
};

#if defined(PLUGRELOAD_STORES_ELSEWHERE)
std::vector<StoreUnderTest> StoresUnderTest();  // the suite runs in a program of its own
#else
inline std::vector<StoreUnderTest> StoresUnderTest() {
  std::vector<StoreUnderTest> stores{{"memory", [] { return NewMemoryStore(); }, 10'050}};
#ifdef PLUGRELOAD_TEST_SQLITE
  stores.push_back({"sqlite", NewSqliteUnderTest, kSqliteHistory + 50});
#endif
  return stores;
}
#endif

inline Deadline Soon() { return After(Millis(30'000)); }

inline Change Write(std::string key, std::string value,
                    std::optional<Revision> expected = std::nullopt) {
  return {std::move(key), std::move(value), expected};
}

inline Change Erase(std::string key, std::optional<Revision> expected = std::nullopt) {
  return {std::move(key), std::nullopt, expected};
}

inline Result<Revision> Put(StateStore& store, std::string key, std::string value,
                            std::optional<Revision> expected = std::nullopt) {
  const Change change = Write(std::move(key), std::move(value), expected);
  return store.Commit({&change, 1}, Soon());
}

// A wait for something that has no event.
template <typename Condition>
[[nodiscard]] bool Eventually(Condition condition) {
  const Deadline deadline = Soon();
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    // lint: allow-sleep what is waited for has no event; the deadline above ends it
    std::this_thread::sleep_for(Millis(1));
  }
  return true;
}

// Remembers what a watch delivers; a test waits for it.
class Recorder {
 public:
  StateStore::WatchCallback callback() {
    return [this](const Result<WatchBatch>& batch) { Take(batch); };
  }
  // While closed, the callback blocks at its next batch.
  void Close() {
    MutexLock lock(mutex_);
    open_ = false;
  }
  void Open() {
    MutexLock lock(mutex_);
    open_ = true;
    changed_.NotifyAll();
  }
  bool WaitInside() {
    return Wait([this]() { return inside_; });
  }
  bool WaitBatches(std::size_t count) {
    return Wait([this, count]() { return batches_.size() >= count; });
  }
  bool WaitEnd() {
    return Wait([this]() { return !end_.ok(); });
  }
  std::vector<WatchBatch> batches() const {
    MutexLock lock(mutex_);
    return batches_;
  }
  Status end() const {
    MutexLock lock(mutex_);
    return end_;
  }

 private:
  void Take(const Result<WatchBatch>& batch) {
    MutexLock lock(mutex_);
    inside_ = true;
    changed_.NotifyAll();
    while (!open_) changed_.Wait(mutex_);
    inside_ = false;
    if (batch.ok()) {
      batches_.push_back(*batch);
    } else {
      end_ = batch.status();
    }
    changed_.NotifyAll();
  }
  template <typename Condition>
  bool Wait(Condition condition) {
    MutexLock lock(mutex_);
    const Deadline deadline = Soon();
    while (!condition()) {
      if (!changed_.WaitUntil(mutex_, deadline)) return condition();
    }
    return true;
  }

  mutable Mutex mutex_;
  CondVar changed_;
  std::vector<WatchBatch> batches_;
  Status end_;
  bool open_ = true;
  bool inside_ = false;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_TESTS_CONTRACT_STORE_SUITE_HPP_
