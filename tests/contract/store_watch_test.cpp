#include <atomic>
#include <thread>

#include "contract/store_suite.hpp"

namespace plugreload::internal {
namespace {

TEST_CASE("a watch delivers what touches its prefix, and nothing of before", "[store]") {
  const auto under_test = GENERATE(from_range(StoresUnderTest()));
  INFO(under_test.name);
  const auto store = under_test.open();
  REQUIRE(Put(*store, "a/old", "1").ok());
  REQUIRE(Put(*store, "a/known", "2").ok());
  REQUIRE(Put(*store, "a/missed", "3").ok());
  Recorder recorder;
  const auto watcher = store->Watch("a/", 2, recorder.callback());
  REQUIRE(watcher.ok());
  REQUIRE(Put(*store, "b", "4").ok());
  const std::vector<Change> both{Erase("a/old"), Write("c", "5"), Write("a/new", "6")};
  REQUIRE(store->Commit(both, Soon()).ok());
  REQUIRE(recorder.WaitBatches(2));
  const auto batches = recorder.batches();
  REQUIRE(batches.size() == 2);
  CHECK(batches[0].revision == 3);
  REQUIRE(batches[0].items.size() == 1);
  CHECK(batches[0].items[0].key == "a/missed");
  CHECK(batches[0].items[0].value == "3");
  CHECK(batches[1].revision == 5);
  REQUIRE(batches[1].items.size() == 2);
  CHECK(batches[1].items[0].key == "a/old");
  CHECK_FALSE(batches[1].items[0].value.has_value());
  CHECK(batches[1].items[1].key == "a/new");
}

TEST_CASE("a watch under concurrent writers has no gap, no repeat and no disorder", "[store]") {
  const auto under_test = GENERATE(from_range(StoresUnderTest()));
  INFO(under_test.name);
  const auto store = under_test.open();
  constexpr std::size_t kThreads = 4, kEach = 200;
  Recorder early, late;
  const auto first = store->Watch("", 0, early.callback());
  REQUIRE(first.ok());
  std::atomic<int> failed{0};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < kEach; ++i) {
        if (!Put(*store, "k" + std::to_string(t), std::to_string(i)).ok()) ++failed;
      }
    });
  }
  const auto second = store->Watch("", 0, late.callback());
  REQUIRE(second.ok());
  for (std::thread& thread : threads) thread.join();
  REQUIRE(failed == 0);
  for (Recorder* recorder : {&early, &late}) {
    REQUIRE(recorder->WaitBatches(kThreads * kEach));
    const auto batches = recorder->batches();
    REQUIRE(batches.size() == kThreads * kEach);
    std::map<std::string, int> last;
    Revision expected = 0;
    bool in_order = true;
    for (const WatchBatch& batch : batches) {
      in_order = in_order && batch.revision == ++expected && batch.items.size() == 1;
      const auto [at, fresh] = last.emplace(batch.items[0].key, -1);
      in_order = in_order && std::stoi(*batch.items[0].value) == ++at->second;
    }
    CHECK(in_order);
  }
}

TEST_CASE("a watch that goes on where the last one ended has no gap and no repeat", "[store]") {
  const auto under_test = GENERATE(from_range(StoresUnderTest()));
  INFO(under_test.name);
  const auto store = under_test.open();
  constexpr std::size_t kCommits = 600;
  std::atomic<int> failed{0};
  std::thread writer([&] {
    for (std::size_t i = 0; i < kCommits; ++i) {
      if (!Put(*store, "k", std::to_string(i)).ok()) ++failed;
    }
  });
  std::vector<WatchBatch> all;
  int rounds = 0;
  for (Revision last = 0; all.size() < kCommits && rounds < 10'000; ++rounds) {
    Recorder recorder;
    auto watcher = store->Watch("", last, recorder.callback());
    if (!watcher.ok() || !recorder.WaitBatches(1)) break;
    (*watcher).reset();
    const auto batches = recorder.batches();
    all.insert(all.end(), batches.begin(), batches.end());
    last = all.back().revision;
  }
  writer.join();
  CHECK(failed == 0);
  REQUIRE(all.size() == kCommits);
  bool in_order = true;
  for (std::size_t i = 0; i < kCommits; ++i) {
    in_order = in_order && all[i].items.at(0).value == std::to_string(i);
    in_order = in_order && (i == 0 || all[i].revision > all[i - 1].revision);
  }
  CHECK(in_order);
  // However few rounds it took: from anywhere the rest comes, and nothing else.
  for (const std::size_t at : {std::size_t{0}, kCommits / 2, kCommits - 2}) {
    Recorder recorder;
    auto watcher = store->Watch("", all[at].revision, recorder.callback());
    REQUIRE(watcher.ok());
    REQUIRE(recorder.WaitBatches(kCommits - 1 - at));
    (*watcher).reset();
    const auto batches = recorder.batches();
    CHECK(batches.size() == kCommits - 1 - at);
    CHECK(batches.front().revision == all[at + 1].revision);
  }
}

TEST_CASE("a slow watcher holds up neither writers nor other watchers, and misses nothing",
          "[store]") {
  const auto under_test = GENERATE(from_range(StoresUnderTest()));
  INFO(under_test.name);
  const auto store = under_test.open();
  Recorder slow, fast;
  slow.Close();
  const auto slow_watcher = store->Watch("", 0, slow.callback());
  const auto fast_watcher = store->Watch("", 0, fast.callback());
  REQUIRE(slow_watcher.ok());
  REQUIRE(fast_watcher.ok());
  for (int i = 0; i < 500; ++i) REQUIRE(Put(*store, "k", std::to_string(i)).ok());
  CHECK(fast.WaitBatches(500));
  CHECK(slow.batches().empty());
  slow.Open();
  REQUIRE(slow.WaitBatches(500));
  CHECK(slow.batches().back().revision == 500);
}

TEST_CASE("destroying a watcher waits for its callback, and none runs after it", "[store]") {
  const auto under_test = GENERATE(from_range(StoresUnderTest()));
  INFO(under_test.name);
  const auto store = under_test.open();
  Recorder recorder;
  recorder.Close();
  auto watcher = store->Watch("", 0, recorder.callback());
  REQUIRE(watcher.ok());
  REQUIRE(Put(*store, "k", "1").ok());
  REQUIRE(recorder.WaitInside());
  std::atomic<bool> destroyed{false};
  std::thread destroyer([&] {
    (*watcher).reset();
    destroyed = true;
  });
  REQUIRE(Put(*store, "k", "2").ok());
  CHECK_FALSE(destroyed);
  recorder.Open();
  destroyer.join();
  const std::size_t delivered = recorder.batches().size();
  REQUIRE(Put(*store, "k", "3").ok());
  Recorder other;
  const auto probe = store->Watch("", 0, other.callback());
  REQUIRE(probe.ok());
  REQUIRE(other.WaitBatches(3));
  CHECK(recorder.batches().size() == delivered);
}

TEST_CASE("a watch ends with a status when the store is gone, and its watcher may go later",
          "[store]") {
  const auto under_test = GENERATE(from_range(StoresUnderTest()));
  INFO(under_test.name);
  auto store = under_test.open();
  Recorder recorder;
  auto watcher = store->Watch("", 0, recorder.callback());
  REQUIRE(watcher.ok());
  REQUIRE(Put(*store, "k", "1").ok());
  store.reset();
  REQUIRE(recorder.WaitEnd());
  CHECK(recorder.batches().size() == 1);
  CHECK(recorder.end().code() == Code::kUnavailable);
}

TEST_CASE("a watch behind what the store keeps ends as compacted", "[store]") {
  const auto under_test = GENERATE(from_range(StoresUnderTest()));
  INFO(under_test.name);
  if (under_test.beyond_history == 0) return;
  const auto store = under_test.open();
  Recorder slow;
  slow.Close();
  const auto slow_watcher = store->Watch("", 0, slow.callback());
  REQUIRE(slow_watcher.ok());
  REQUIRE(Put(*store, "k", "x").ok());
  REQUIRE(slow.WaitInside());
  for (std::size_t i = 0; i < under_test.beyond_history; ++i) {
    if (!Put(*store, "k", "x").ok()) FAIL("a put failed");
  }
  slow.Open();
  REQUIRE(slow.WaitEnd());
  CHECK(slow.batches().size() == 1);
  CHECK(slow.end().code() == Code::kOutOfRange);
  CHECK(slow.end().reason() == "compacted");
  Recorder late;
  const auto watcher = store->Watch("", 1, late.callback());
  if (watcher.ok()) {
    REQUIRE(late.WaitEnd());
    CHECK(late.end().code() == Code::kOutOfRange);
  } else {
    CHECK(watcher.status().code() == Code::kOutOfRange);
  }
  Recorder fresh;
  const auto now = store->Load("", Soon());
  const auto again = store->Watch("", now->revision, fresh.callback());
  REQUIRE(again.ok());
  REQUIRE(Put(*store, "k", "y").ok());
  CHECK(fresh.WaitBatches(1));
}

}  // namespace
}  // namespace plugreload::internal
