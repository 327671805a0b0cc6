#include <algorithm>
#include <atomic>
#include <thread>

#include "contract/store_suite.hpp"

namespace plugreload::internal {
namespace {

TEST_CASE("an empty store is at revision 0 and loads nothing", "[store]") {
  const auto under_test = GENERATE(from_range(StoresUnderTest()));
  INFO(under_test.name);
  const auto store = under_test.open();
  const auto snapshot = store->Load("", Soon());
  REQUIRE(snapshot.ok());
  CHECK(snapshot->revision == 0);
  CHECK(snapshot->documents.empty());
}

TEST_CASE("a commit is one revision, and loads give its documents sorted below a prefix",
          "[store]") {
  const auto under_test = GENERATE(from_range(StoresUnderTest()));
  INFO(under_test.name);
  const auto store = under_test.open();
  const std::vector<Change> changes{Write("b/2", "two"), Write("a/1", "one"),
                                    Write("b/1", std::string("\0x", 2))};
  const auto first = store->Commit(changes, Soon());
  REQUIRE(first.ok());
  CHECK(*first == 1);
  const auto second = Put(*store, "b/2", "again");
  REQUIRE(second.ok());
  CHECK(*second == 2);
  const auto snapshot = store->Load("b/", Soon());
  REQUIRE(snapshot.ok());
  CHECK(snapshot->revision == 2);
  CHECK(snapshot->documents ==
        std::vector<Document>{{"b/1", std::string("\0x", 2), 1}, {"b/2", "again", 2}});
}

TEST_CASE("a lost compare aborts the whole commit", "[store]") {
  const auto under_test = GENERATE(from_range(StoresUnderTest()));
  INFO(under_test.name);
  const auto store = under_test.open();
  REQUIRE(Put(*store, "a", "1", 0).ok());
  REQUIRE(Put(*store, "a", "2", 1).ok());
  const auto commit = [&](const std::vector<Change>& changes) {
    return store->Commit(changes, Soon());
  };
  for (const Revision wrong : {Revision(0), Revision(1), Revision(3)}) {
    const auto lost = commit({Write("other", "x"), Write("a", "3", wrong)});
    CHECK(lost.status().code() == Code::kAborted);
    CHECK(lost.status().reason() == "revision_mismatch");
  }
  CHECK(commit({Write("other", "x"), Write("absent", "x", 1)}).status().code() == Code::kAborted);
  const auto snapshot = store->Load("", Soon());
  REQUIRE(snapshot.ok());
  CHECK(snapshot->documents == std::vector<Document>{{"a", "2", 2}});
  CHECK(snapshot->revision == 2);
}

TEST_CASE("a document that was removed and written again has another revision", "[store]") {
  const auto under_test = GENERATE(from_range(StoresUnderTest()));
  INFO(under_test.name);
  const auto store = under_test.open();
  REQUIRE(Put(*store, "a", "1").ok());
  const Change remove = Erase("a", 1);
  REQUIRE(store->Commit({&remove, 1}, Soon()).ok());
  REQUIRE(Put(*store, "a", "1", 0).ok());
  CHECK(Put(*store, "a", "2", 1).status().code() == Code::kAborted);
  CHECK(Put(*store, "a", "2", 3).ok());
}

TEST_CASE("a check without a write compares and changes nothing", "[store]") {
  const auto under_test = GENERATE(from_range(StoresUnderTest()));
  INFO(under_test.name);
  const auto store = under_test.open();
  REQUIRE(Put(*store, "guard", "g").ok());
  const auto commit = [&](Revision expected) {
    const std::vector<Change> changes{{"guard", std::nullopt, expected, true}, Write("a", "x")};
    return store->Commit(changes, Soon());
  };
  CHECK(commit(2).status().code() == Code::kAborted);
  CHECK(commit(1).ok());
  const auto snapshot = store->Load("", Soon());
  REQUIRE(snapshot.ok());
  CHECK(snapshot->documents == std::vector<Document>{{"a", "x", 2}, {"guard", "g", 1}});
  const Change only{"guard", std::nullopt, 1, true};
  CHECK(store->Commit({&only, 1}, Soon()).ok());
  CHECK(store->Load("", Soon())->revision == 2);
}

TEST_CASE("a commit that is not well formed is refused", "[store]") {
  const auto under_test = GENERATE(from_range(StoresUnderTest()));
  INFO(under_test.name);
  const auto store = under_test.open();
  std::vector<Change> many;
  for (std::size_t i = 0; i <= kMaxChangesPerCommit; ++i)
    many.push_back(Write(std::to_string(i), "x"));
  CHECK(store->Commit(many, Soon()).status().code() == Code::kInvalidArgument);
  const std::vector<Change> twice{Write("a", "1"), Write("a", "2")};
  CHECK(store->Commit(twice, Soon()).status().code() == Code::kInvalidArgument);
  CHECK(Put(*store, "", "x").status().code() == Code::kInvalidArgument);
  const Change unchecked{"a", std::nullopt, std::nullopt, true};
  CHECK(store->Commit({&unchecked, 1}, Soon()).status().code() == Code::kInvalidArgument);
  CHECK(store->Load("", Soon())->revision == 0);
  many.pop_back();
  CHECK(store->Commit(many, Soon()).ok());
  CHECK(store->Load("", Soon())->documents.size() == kMaxChangesPerCommit);
}

TEST_CASE("a deadline that has passed changes nothing", "[store]") {
  const auto under_test = GENERATE(from_range(StoresUnderTest()));
  INFO(under_test.name);
  const auto store = under_test.open();
  const Deadline past = std::chrono::steady_clock::now() - Millis(1);
  const Change change = Write("a", "x");
  CHECK(store->Commit({&change, 1}, past).status().code() == Code::kDeadlineExceeded);
  CHECK(store->Load("", past).status().code() == Code::kDeadlineExceeded);
  CHECK(store->Load("", Soon())->documents.empty());
}

TEST_CASE("compare and set from many threads loses no update", "[store]") {
  const auto under_test = GENERATE(from_range(StoresUnderTest()));
  INFO(under_test.name);
  const auto store = under_test.open();
  REQUIRE(Put(*store, "count", "0").ok());
  constexpr int kThreads = 4, kEach = 50;
  std::atomic<int> unexpected{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (int done = 0; done < kEach;) {
        const auto now = store->Load("count", Soon());
        const Document& document = now->documents.at(0);
        const auto revision =
            Put(*store, "count", std::to_string(std::stoi(document.value) + 1), document.revision);
        if (revision.ok()) {
          ++done;
        } else if (revision.status().code() != Code::kAborted) {
          ++unexpected;
          return;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(unexpected == 0);
  CHECK(store->Load("count", Soon())->documents.at(0).value == std::to_string(kThreads * kEach));
}

TEST_CASE("ten thousand keys load sorted and complete", "[store]") {
  const auto under_test = GENERATE(from_range(StoresUnderTest()));
  INFO(under_test.name);
  const auto store = under_test.open();
  for (int i = 0; i < 100; ++i) {
    std::vector<Change> changes;
    for (int j = 0; j < 100; ++j) {
      changes.push_back(Write("k/" + std::to_string(i * 100 + j), std::string(100, 'v')));
    }
    REQUIRE(store->Commit(changes, Soon()).ok());
  }
  REQUIRE(Put(*store, "l", "behind").ok());
  const auto snapshot = store->Load("k/", Soon());
  REQUIRE(snapshot.ok());
  CHECK(snapshot->documents.size() == 10'000);
  CHECK(std::is_sorted(snapshot->documents.begin(), snapshot->documents.end(),
                       [](const Document& a, const Document& b) { return a.key < b.key; }));
}

}  // namespace
}  // namespace plugreload::internal
