#include "contract/store_suite.hpp"

namespace plugreload::internal {
namespace {

constexpr Millis kTtl{2'000};

std::size_t Count(StateStore& store, const std::string& prefix) {
  const auto snapshot = store.Load(prefix, Soon());
  REQUIRE(snapshot.ok());
  return snapshot->documents.size();
}

TEST_CASE("a kept document is there while its keeper is, and goes with it", "[store][keep]") {
  const auto under_test = GENERATE(from_range(StoresUnderTest()));
  INFO(under_test.name);
  const auto store = under_test.open();
  Recorder recorder;
  const auto watcher = store->Watch("member/", 0, recorder.callback());
  REQUIRE(watcher.ok());
  auto keeper = store->Keep("member/a", "here", kTtl, Soon());
  REQUIRE(keeper.ok());
  const auto snapshot = store->Load("member/", Soon());
  REQUIRE(snapshot.ok());
  REQUIRE(snapshot->documents.size() == 1);
  CHECK(snapshot->documents[0] == Document{"member/a", "here", (*keeper)->revision()});
  (*keeper).reset();
  CHECK(Count(*store, "member/") == 0);
  REQUIRE(recorder.WaitBatches(2));
  const auto batches = recorder.batches();
  CHECK(batches[0].items.at(0).value == "here");
  CHECK(batches[1].items.at(0).key == "member/a");
  CHECK_FALSE(batches[1].items.at(0).value.has_value());
}

TEST_CASE("a key has one keeper at a time", "[store][keep]") {
  const auto under_test = GENERATE(from_range(StoresUnderTest()));
  INFO(under_test.name);
  const auto store = under_test.open();
  REQUIRE(Put(*store, "plain", "x").ok());
  auto keeper = store->Keep("permit", "a", kTtl, Soon());
  REQUIRE(keeper.ok());
  for (const char* key : {"plain", "permit"}) {
    const auto second = store->Keep(key, "b", kTtl, Soon());
    CHECK(second.status().code() == Code::kAlreadyExists);
    CHECK(second.status().reason() == "key_in_use");
  }
  CHECK(store->Load("permit", Soon())->documents.at(0).value == "a");
  (*keeper).reset();
  CHECK(store->Keep("permit", "b", kTtl, Soon()).ok());
}

TEST_CASE("who compares with what it keeps cannot act once that has gone", "[store][keep]") {
  const auto under_test = GENERATE(from_range(StoresUnderTest()));
  INFO(under_test.name);
  const auto store = under_test.open();
  const auto keeper = store->Keep("permit", "a", kTtl, Soon());
  REQUIRE(keeper.ok());
  const Revision fence = (*keeper)->revision();
  REQUIRE(fence > 0);
  const auto act = [&] {
    const std::vector<Change> changes{{"permit", std::nullopt, fence, true}, Write("work", "done")};
    return store->Commit(changes, Soon());
  };
  CHECK(act().ok());
  const Change removal = Erase("permit");
  REQUIRE(store->Commit({&removal, 1}, Soon()).ok());
  CHECK(act().status().code() == Code::kAborted);
  // Nor when somebody else has it now.
  const auto other = store->Keep("permit", "b", kTtl, Soon());
  REQUIRE(other.ok());
  CHECK(act().status().code() == Code::kAborted);
  CHECK((*other)->revision() > fence);
}

TEST_CASE("a keeper notices that its document was removed, and leaves its successor alone",
          "[store][keep]") {
  const auto under_test = GENERATE(from_range(StoresUnderTest()));
  INFO(under_test.name);
  const auto store = under_test.open();
  auto keeper = store->Keep("permit", "a", kTtl, Soon());
  REQUIRE(keeper.ok());
  const Change removal = Erase("permit");
  REQUIRE(store->Commit({&removal, 1}, Soon()).ok());
  const auto successor = store->Keep("permit", "b", kTtl, Soon());
  REQUIRE(successor.ok());
  CHECK(Eventually([&] { return (*keeper)->revision() == 0; }));
  (*keeper).reset();
  CHECK(store->Load("permit", Soon())->documents.at(0).value == "b");
  CHECK((*successor)->revision() > 0);
}

TEST_CASE("keeping is refused as a commit is", "[store][keep]") {
  const auto under_test = GENERATE(from_range(StoresUnderTest()));
  INFO(under_test.name);
  const auto store = under_test.open();
  const Deadline past = std::chrono::steady_clock::now() - Millis(1);
  CHECK(store->Keep("", "x", kTtl, Soon()).status().code() == Code::kInvalidArgument);
  CHECK(store->Keep("k", std::string(kMaxValueBytes + 1, 'x'), kTtl, Soon()).status().code() ==
        Code::kInvalidArgument);
  CHECK(store->Keep("k", "x", kTtl, past).status().code() == Code::kDeadlineExceeded);
  CHECK(Count(*store, "") == 0);
}

TEST_CASE("a keeper may outlive its store", "[store][keep]") {
  const auto under_test = GENERATE(from_range(StoresUnderTest()));
  INFO(under_test.name);
  auto store = under_test.open();
  auto keeper = store->Keep("k", "x", kTtl, Soon());
  REQUIRE(keeper.ok());
  store.reset();
  (void)(*keeper)->revision();
  (*keeper).reset();
}

}  // namespace
}  // namespace plugreload::internal
