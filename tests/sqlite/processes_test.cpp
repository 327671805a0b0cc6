#include <atomic>
#include <mutex>
#include <set>

#include "sqlite/child_process.hpp"
#include "sqlite/sqlite_store.hpp"

namespace plugreload::test {
namespace {

TEST_CASE("another process's commits arrive in order, without gap or repeat", "[sqlite]") {
  LeakCheck leaks;
  const std::string path = leaks.scratch() + "/store.db";
  const auto store = OpenStore(path);
  std::mutex mutex;
  Revision last = 0;
  long first = 0, second = 0;
  bool in_order = true;
  const auto watcher = store->Watch("", 0, [&](const Result<WatchBatch>& batch) {
    const std::lock_guard lock(mutex);
    in_order = in_order && batch.ok() && batch->revision == ++last;
    if (!batch.ok()) return;
    long& count = batch->items.at(0).key == "first" ? first : second;
    in_order = in_order && std::stol(*batch->items.at(0).value) == ++count;
  });
  REQUIRE(watcher.ok());
  ChildProcess a({"commit", path, "first"}), b({"commit", path, "second"});
  CHECK(Eventually([&] {
    const std::lock_guard lock(mutex);
    return first >= 100 && second >= 100;
  }));
  a.Kill();
  b.Kill();
  CHECK(in_order);
}

TEST_CASE("processes that compare and set lose no update of each other", "[sqlite]") {
  LeakCheck leaks;
  const std::string path = leaks.scratch() + "/store.db";
  const auto store = OpenStore(path);
  ChildProcess other({"commit", path, "other"});
  REQUIRE(other.Line() == "1");
  REQUIRE(Put(*store, "mine", "0").ok());
  int aborted = 0;
  for (int done = 0; done < 50;) {
    const auto now = store->Load("", Soon());
    REQUIRE(now.ok());
    const Document& mine = now->documents.at(0);
    const Document& theirs = now->documents.at(1);
    REQUIRE(mine.key == "mine");
    const std::vector<Change> changes{
        {"mine", std::to_string(std::stoi(mine.value) + 1), mine.revision},
        {"other", std::nullopt, done % 10 == 0 ? theirs.revision : 0, done % 10 == 0}};
    const auto revision = store->Commit(std::span(changes.data(), done % 10 == 0 ? 2 : 1), Soon());
    if (revision.ok()) ++done;
    if (revision.status().code() == Code::kAborted) ++aborted;
    REQUIRE((revision.ok() || revision.status().code() == Code::kAborted));
  }
  INFO(aborted << " aborted");
  CHECK(ValueOf(*store, "mine") == "50");
}

TEST_CASE("kill -9 in the middle of commits loses nothing that was acknowledged",
          "[sqlite][slow]") {
  LeakCheck leaks;
  const std::string path = leaks.scratch() + "/store.db";
  long acknowledged = 0;
  for (int round = 0; round < 12; ++round) {
    ChildProcess child({"commit", path, "key" + std::to_string(round), "30000"});
    // At another place of a commit each time.
    for (int i = 0; i < 5 + round * 3; ++i) {
      const auto line = child.Line();
      REQUIRE(line.has_value());
      acknowledged = std::stol(*line);
    }
    child.Kill();
    while (const auto line = child.Line()) acknowledged = std::stol(*line);
    const auto store = OpenStore(path);
    const auto value = ValueOf(*store, "key" + std::to_string(round));
    REQUIRE(value.has_value());
    const long stored = std::stol(*value);
    INFO("acknowledged " << acknowledged << ", stored " << stored);
    CHECK((stored == acknowledged || stored == acknowledged + 1));
    CHECK(Put(*store, "after", "x").ok());
  }
}

TEST_CASE("what a killed process kept goes at once, what a living one keeps stays",
          "[sqlite][keep]") {
  LeakCheck leaks;
  const std::string path = leaks.scratch() + "/store.db";
  const auto store = OpenStore(path);
  std::atomic<bool> gone{false};
  const auto watcher = store->Watch("member/dies", 0, [&](const Result<WatchBatch>& batch) {
    if (batch.ok() && !batch->items.at(0).value) gone = true;
  });
  REQUIRE(watcher.ok());
  ChildProcess dies({"keep", path, "member/dies"}), lives({"keep", path, "member/lives"});
  REQUIRE(dies.Line() == "kept");
  REQUIRE(lives.Line() == "kept");
  const auto own = store->Keep("member/own", "x", Millis(1'000), Soon());
  REQUIRE(own.ok());
  CHECK(store->Keep("member/dies", "x", Millis(1'000), Soon()).status().reason() == "key_in_use");
  dies.Kill();
  CHECK(Eventually([&] { return gone.load(); }));
  CHECK(ValueOf(*store, "member/lives") == "x");
  CHECK(ValueOf(*store, "member/own") == "x");
  CHECK((*own)->revision() > 0);
  CHECK(store->Keep("member/dies", "x", Millis(1'000), Soon()).ok());
}

TEST_CASE("what the last process kept when it was killed goes when the next one opens the store",
          "[sqlite][keep]") {
  LeakCheck leaks;
  const std::string path = leaks.scratch() + "/store.db";
  {
    ChildProcess child({"keep", path, "member"});
    REQUIRE(child.Line() == "kept");
  }
  const auto store = OpenStore(path);
  CHECK(Eventually([&] { return !ValueOf(*store, "member").has_value(); }));
}

TEST_CASE("two stores of one process on one file are two owners", "[sqlite][keep]") {
  LeakCheck leaks;
  const std::string path = leaks.scratch() + "/store.db";
  const auto one = OpenStore(path), two = OpenStore(path);
  auto keeper = one->Keep("member", "x", Millis(1'000), Soon());
  REQUIRE(keeper.ok());
  const auto other = two->Keep("other", "x", Millis(1'000), Soon());
  REQUIRE(other.ok());
  (*keeper).reset();
  CHECK_FALSE(ValueOf(*two, "member").has_value());
  CHECK((*other)->revision() > 0);
  CHECK(ValueOf(*one, "other") == "x");
}

TEST_CASE("a commit waits for another process's lock until its deadline, and changes nothing",
          "[sqlite]") {
  LeakCheck leaks;
  const std::string path = leaks.scratch() + "/store.db";
  const auto store = OpenStore(path);
  REQUIRE(Put(*store, "k", "before").ok());
  {
    ChildProcess child({"lock", path});
    REQUIRE(child.Line() == "locked");
    const auto late = Put(*store, "k", "late", After(Millis(100)));
    INFO(late.status().ToString());
    CHECK(late.status().code() == Code::kDeadlineExceeded);
    const auto kept = store->Keep("m", "x", Millis(1'000), After(Millis(100)));
    CHECK(kept.status().code() == Code::kDeadlineExceeded);
    // Readers do not wait for writers, nor does opening.
    CHECK(ValueOf(*store, "k") == "before");
    CHECK(OpenStore(path)->Load("", Soon())->revision == 1);
  }
  CHECK(Put(*store, "k", "after").ok());
  CHECK(store->Load("", Soon())->documents.size() == 1);
  CHECK(store->Load("", Soon())->revision == 2);
}

TEST_CASE("a keeper that ends while the file is locked leaves its document to the next look",
          "[sqlite][keep][slow]") {
  LeakCheck leaks;
  const std::string path = leaks.scratch() + "/store.db";
  const auto store = OpenStore(path);
  auto keeper = store->Keep("member", "x", Millis(1'000), Soon());
  REQUIRE(keeper.ok());
  {
    ChildProcess child({"lock", path});
    REQUIRE(child.Line() == "locked");
    (*keeper).reset();
    CHECK(ValueOf(*store, "member") == "x");
  }
  CHECK(Eventually([&] { return !ValueOf(*store, "member").has_value(); }));
}

}  // namespace
}  // namespace plugreload::test
