#include "state/applier.hpp"

#include <atomic>
#include <thread>

#include "contract/store_node.hpp"
#include "contract/store_suite.hpp"

namespace plugreload::internal {
namespace {

// An image that remembers keys, and can be made to stand still inside Apply.
class KeyImage : public StateImage {
 public:
  void Reset(const Snapshot& snapshot) override {
    MutexLock lock(mutex_);
    ++resets_;
    keys_.clear();
    for (const Document& document : snapshot.documents) keys_[document.key] = document.revision;
  }
  void Apply(const WatchBatch& batch) override {
    MutexLock lock(mutex_);
    inside_ = true;
    changed_.NotifyAll();
    while (closed_) changed_.Wait(mutex_);
    inside_ = false;
    for (const auto& item : batch.items) keys_[item.key] = batch.revision;
  }
  void Close(bool closed) {
    MutexLock lock(mutex_);
    closed_ = closed;
    changed_.NotifyAll();
  }
  void WaitInside() {
    MutexLock lock(mutex_);
    while (!inside_) {
      if (!changed_.WaitUntil(mutex_, After(Millis(10'000)))) FAIL("nothing is applied");
    }
  }
  Revision At(const std::string& key) const {
    MutexLock lock(mutex_);
    const auto found = keys_.find(key);
    return found == keys_.end() ? 0 : found->second;
  }
  int resets() const {
    MutexLock lock(mutex_);
    return resets_;
  }

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  std::map<std::string, Revision> keys_;
  int resets_ = 0;
  bool closed_ = false;
  bool inside_ = false;
};

// The memory store with a fault: what it answers to commits and loads.
class FaultyStore : public StateStore {
 public:
  Result<Revision> Commit(std::span<const Change> changes, Deadline deadline) override {
    if (commit_fault.code() == Code::kUnknown) (void)store->Commit(changes, deadline);
    if (!commit_fault.ok()) return commit_fault;
    return store->Commit(changes, deadline);
  }
  Result<Snapshot> Load(std::string_view prefix, Deadline deadline) override {
    if (failing_loads.fetch_sub(1) > 0) return Status(Code::kUnavailable, "down", "down");
    return store->Load(prefix, deadline);
  }
  Result<std::unique_ptr<Watcher>> Watch(std::string_view prefix, Revision after,
                                         WatchCallback callback) override {
    return store->Watch(prefix, after, std::move(callback));
  }
  Result<std::unique_ptr<Keeper>> Keep(std::string_view key, std::string_view value, Millis ttl,
                                       Deadline deadline) override {
    return store->Keep(key, value, ttl, deadline);
  }

  std::shared_ptr<StateStore> store = NewMemoryStore();
  Status commit_fault;
  std::atomic<int> failing_loads{0};
};

Applier::Edit Writing(std::string key, std::optional<Revision> expected = std::nullopt) {
  return [=]() -> Result<std::vector<Change>> { return std::vector{Write(key, "x", expected)}; };
}

TEST_CASE("a commit returns when it is visible here", "[state]") {
  const auto store = NewMemoryStore();
  REQUIRE(Put(*store, "state/before", "x").ok());
  KeyImage image;
  const auto applier = Applier::Open(store, {&image}, Soon());
  REQUIRE(applier.ok());
  CHECK(image.At("state/before") == 1);
  CHECK((*applier)->applied() == 1);
  REQUIRE((*applier)->Commit(Writing("state/a"), Soon()).ok());
  CHECK(image.At("state/a") == 2);
  CHECK((*applier)->applied() == 2);
  REQUIRE((*applier)->Commit([] { return std::vector<Change>(); }, Soon()).ok());
  CHECK((*applier)->applied() == 2);
}

TEST_CASE("the edit's own error is given back and nothing is committed", "[state]") {
  const auto store = NewMemoryStore();
  KeyImage image;
  const auto applier = Applier::Open(store, {&image}, Soon());
  const auto edit = []() -> Result<std::vector<Change>> {
    return Status(Code::kNotFound, "no", "no");
  };
  CHECK((*applier)->Commit(edit, Soon()).reason() == "no");
  CHECK(store->Load("", Soon())->revision == 0);
}

TEST_CASE("a lost compare is computed anew on what the other wrote", "[state]") {
  const auto store = NewMemoryStore();
  KeyImage image;
  const auto applier = Applier::Open(store, {&image}, Soon());
  int computed = 0;
  const auto edit = [&]() -> Result<std::vector<Change>> {
    const Revision seen = image.At("state/a");
    if (computed++ == 0) CHECK(Put(*store, "state/a", "other").ok());
    return std::vector{Write("state/a", "mine", seen)};
  };
  REQUIRE((*applier)->Commit(edit, Soon()).ok());
  CHECK(computed == 2);
  CHECK(store->Load("state/a", Soon())->documents.at(0).value == "mine");
}

TEST_CASE("a compare that can never hold ends at the deadline with nothing changed", "[state]") {
  const auto store = NewMemoryStore();
  KeyImage image;
  const auto applier = Applier::Open(store, {&image}, Soon());
  const Status status = (*applier)->Commit(Writing("state/a", 77), After(Millis(50)));
  CHECK(status.code() == Code::kDeadlineExceeded);
  CHECK(store->Load("", Soon())->revision == 0);
}

TEST_CASE("committed but not visible at the deadline is an unknown outcome", "[state]") {
  const auto store = NewMemoryStore();
  KeyImage image;
  const auto applier = Applier::Open(store, {&image}, Soon());
  image.Close(true);
  const Status status = (*applier)->Commit(Writing("state/a"), After(Millis(50)));
  CHECK(status.code() == Code::kUnknown);
  CHECK(status.reason() == "outcome_unknown");
  CHECK(status.message().find("revision 1") != std::string_view::npos);
  image.Close(false);
  REQUIRE((*applier)->Commit(Writing("state/b"), Soon()).ok());
  CHECK(image.At("state/a") == 1);
}

TEST_CASE("errors of the store come through, and an unknown outcome says so", "[state]") {
  const auto store = std::make_shared<FaultyStore>();
  KeyImage image;
  const auto applier = Applier::Open(store, {&image}, Soon());
  store->commit_fault = Status(Code::kUnavailable, "down", "no connection");
  CHECK((*applier)->Commit(Writing("state/a"), Soon()).reason() == "down");
  store->commit_fault = Status(Code::kUnknown, "lost", "connection lost");
  const Status status = (*applier)->Commit(Writing("state/a"), Soon());
  CHECK(status.code() == Code::kUnknown);
  CHECK(status.reason() == "outcome_unknown");
  CHECK(status.message().find("connection lost") != std::string_view::npos);
}

TEST_CASE("an applier that cannot load is not opened", "[state]") {
  const auto store = std::make_shared<FaultyStore>();
  store->failing_loads = 1;
  KeyImage image;
  CHECK(Applier::Open(store, {&image}, Soon()).status().code() == Code::kUnavailable);
}

TEST_CASE("an applier that fell out of the history loads again and goes on", "[state][slow]") {
  const auto store = std::make_shared<FaultyStore>();
  KeyImage image;
  const auto applier = Applier::Open(store, {&image}, Soon());
  image.Close(true);
  REQUIRE(Put(*store, "state/first", "x").ok());
  image.WaitInside();
  for (int i = 0; i < 10'050; ++i) {
    if (!Put(*store, "state/k" + std::to_string(i % 10), "x").ok()) FAIL("a put failed");
  }
  store->failing_loads = 2;  // and it tries again when the store is down just then
  image.Close(false);
  REQUIRE((*applier)->Commit(Writing("state/last"), Soon()).ok());
  CHECK(image.resets() == 2);
  CHECK(store->failing_loads <= 0);
  CHECK(image.At("state/first") == 1);
  CHECK(image.At("state/k9") > 10'000);
  CHECK(image.At("state/last") == 10'052);
}

TEST_CASE("destroying an applier waits for a running apply", "[state]") {
  const auto store = NewMemoryStore();
  KeyImage image;
  auto applier = *Applier::Open(store, {&image}, Soon());
  image.Close(true);
  REQUIRE(Put(*store, "state/a", "x").ok());
  image.WaitInside();
  std::atomic<bool> destroyed{false};
  std::thread destroyer([&] {
    applier.reset();
    destroyed = true;
  });
  CHECK_FALSE(destroyed);
  image.Close(false);
  destroyer.join();
  CHECK(image.At("state/a") == 1);
}

}  // namespace
}  // namespace plugreload::internal
