#include <atomic>
#include <thread>

#include "contract/store_suite.hpp"

namespace plugreload::internal {
namespace {

TEST_CASE("a document of the largest size comes back whole, by load and by watch", "[store]") {
  const auto under_test = GENERATE(from_range(StoresUnderTest()));
  INFO(under_test.name);
  const auto store = under_test.open();
  std::string value(kMaxValueBytes, '\0');
  for (std::size_t i = 0; i < value.size(); ++i) value[i] = static_cast<char>(i * 31 + i / 251);
  Recorder recorder;
  const auto watcher = store->Watch("", 0, recorder.callback());
  REQUIRE(watcher.ok());
  REQUIRE(Put(*store, "large", value).ok());
  REQUIRE(Put(*store, "empty", "").ok());
  const auto snapshot = store->Load("", Soon());
  REQUIRE(snapshot.ok());
  REQUIRE(snapshot->documents.size() == 2);
  CHECK(snapshot->documents[0].value.empty());
  CHECK((snapshot->documents[1].value == value));
  REQUIRE(recorder.WaitBatches(2));
  CHECK((recorder.batches()[0].items.at(0).value == value));
  CHECK(recorder.batches()[1].items.at(0).value == "");
}

TEST_CASE("what is larger than the limits is refused whole", "[store]") {
  const auto under_test = GENERATE(from_range(StoresUnderTest()));
  INFO(under_test.name);
  const auto store = under_test.open();
  const auto large = Put(*store, "k", std::string(kMaxValueBytes + 1, 'x'));
  CHECK(large.status().code() == Code::kInvalidArgument);
  CHECK(large.status().reason() == "value_too_large");
  const std::string half(kMaxValueBytes - 1, 'x');
  std::vector<Change> many{Write("a", half), Write("b", half)};
  CHECK(store->Commit(many, Soon()).ok());
  many.push_back(Write("c", "1"));
  const auto commit = store->Commit(many, Soon());
  CHECK(commit.status().code() == Code::kInvalidArgument);
  CHECK(commit.status().reason() == "commit_too_large");
  CHECK(store->Load("", Soon())->documents.size() == 2);
}

TEST_CASE("keys are bytes: any of them, in the order of bytes", "[store]") {
  const auto under_test = GENERATE(from_range(StoresUnderTest()));
  INFO(under_test.name);
  const auto store = under_test.open();
  const std::vector<std::string> keys{
      std::string("a\0b", 3), "a'b", "a/", "a0", "ab", "a\x7f", "a\xff", "a\xff\xff", "b"};
  for (auto key = keys.rbegin(); key != keys.rend(); ++key) REQUIRE(Put(*store, *key, *key).ok());
  const auto below = [&](std::string_view prefix) {
    std::vector<std::string> found;
    const auto snapshot = store->Load(prefix, Soon());
    REQUIRE(snapshot.ok());
    for (const Document& document : snapshot->documents) found.push_back(document.key);
    return found;
  };
  CHECK(below("") == keys);
  CHECK(below("a") == std::vector<std::string>(keys.begin(), keys.end() - 1));
  CHECK(below("a\xff") == std::vector<std::string>{"a\xff", "a\xff\xff"});
  CHECK(below("c").empty());
}

// Each commit moves one from here to there, comparing both.
bool Move(StateStore& store, const std::string& from, const std::string& to) {
  const auto now = store.Load("account/", Soon());
  if (!now.ok()) return false;
  const auto find = [&](const std::string& key) {
    for (const Document& document : now->documents) {
      if (document.key == key) return document;
    }
    return Document();
  };
  const Document a = find(from), b = find(to);
  const std::vector<Change> changes{Write(from, std::to_string(std::stoi(a.value) - 1), a.revision),
                                    Write(to, std::to_string(std::stoi(b.value) + 1), b.revision)};
  return store.Commit(changes, Soon()).ok();
}

TEST_CASE("batches that compare are applied whole, whoever else writes", "[store]") {
  const auto under_test = GENERATE(from_range(StoresUnderTest()));
  INFO(under_test.name);
  const auto store = under_test.open();
  const std::vector<std::string> keys{"account/a", "account/b", "account/c"};
  for (const std::string& key : keys) REQUIRE(Put(*store, key, "100").ok());
  Recorder recorder;
  const auto watcher = store->Watch("account/", 3, recorder.callback());
  REQUIRE(watcher.ok());
  std::atomic<std::size_t> moved{0};
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < keys.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int done = 0; done < 30;) {
        if (!Move(*store, keys[t], keys[(t + 1) % keys.size()])) continue;
        ++done;
        ++moved;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  REQUIRE(recorder.WaitBatches(moved));
  std::map<std::string, int> accounts{{keys[0], 100}, {keys[1], 100}, {keys[2], 100}};
  bool whole = true;
  for (const WatchBatch& batch : recorder.batches()) {
    for (const auto& item : batch.items) accounts[item.key] = std::stoi(*item.value);
    whole = whole && accounts[keys[0]] + accounts[keys[1]] + accounts[keys[2]] == 300;
  }
  CHECK(whole);
  CHECK(recorder.batches().size() == moved);
}

}  // namespace
}  // namespace plugreload::internal
