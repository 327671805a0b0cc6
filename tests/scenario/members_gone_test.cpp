// Requests that outlive their documents, and members that do not live to see them.
#include <algorithm>
#include <atomic>
#include <memory>
#include <string>

#include "scenario/lagging_store.hpp"
#include "scenario/node.hpp"

namespace plugreload::test {
namespace {

Node::Tweak Named(const std::string& name) {
  return [name](RuntimeOptions& options) { options.node = name; };
}

// A request is the store's for a while; a member that was busy carries it out all the same.
TEST_CASE("a reload that the store has dropped in the meantime reaches a busy member",
          "[cluster]") {
  const auto store = NewMemoryStore();
  const auto small = [](const std::string& name) {
    return [name](RuntimeOptions& options) {
      options.node = name;
      options.global_history = 2;
    };
  };
  Node quick(small("a"), store), busy(small("b"), store);
  TwoVersions(quick);
  quick.Register("other", "v1.0.0");
  quick.Mount("", "kv/");
  quick.Mount("", "other/", "other");
  REQUIRE(Eventually([&] {
    return busy.reloads().Acquire("", "kv/", kSoon).ok() &&
           busy.reloads().Acquire("", "other/", kSoon).ok();
  }));
  const auto global = [&](const std::string& name, const std::string& version) {
    ReloadRequest request = Everywhere(name);
    request.scope = Scope::kGlobal;
    request.pin = PluginRef{PluginType::kSecret, name, version};
    return quick.Reload(request).reload_id;
  };
  busy.plugins.Hold("@other/");
  global("other", "v1.0.0");
  REQUIRE(busy.plugins.WaitFor("start", "@other/", 2));
  const std::string dropped = global("kv", "v2.0.0");
  for (int i = 0; i < 6; ++i) global("other", "v1.0.0");
  REQUIRE(Eventually([&] { return !quick.reloads().Find(dropped)->members.size(); }));
  busy.plugins.HealAll();
  CHECK(Eventually([&] { return busy.VersionAt("", "kv/") == "v2.0.0"; }));
}

// Answers until it has told that both members are done with a reload, and then no more of that.
class FallingSilent : public LaggingStore {
 public:
  using LaggingStore::LaggingStore;
  Result<Snapshot> Load(std::string_view prefix, Deadline deadline) override {
    const bool results = prefix.starts_with("cluster/results/");
    if (results && silent_) return Status(Code::kUnavailable, "store_unreachable", "it is away");
    auto told = LaggingStore::Load(prefix, deadline);
    if (!results || !told.ok() || told->documents.size() != 2) return told;
    silent_ =
        std::none_of(told->documents.begin(), told->documents.end(), [](const Document& document) {
          return document.value.find(R"("finished_at_ms":0)") != std::string::npos;
        });
    return told;
  }

 private:
  std::atomic<bool> silent_{false};
};

TEST_CASE("who waits for a reload is told its end though the store is away behind it",
          "[cluster]") {
  const auto store = NewMemoryStore();
  Node a(Named("a"), store), b(Named("b"), std::make_shared<FallingSilent>(store));
  TwoVersions(a);
  a.Mount("", "kv/");
  REQUIRE(Eventually([&] { return b.reloads().Acquire("", "kv/", kSoon).ok(); }));
  ReloadRequest request = Everywhere("kv");
  request.scope = Scope::kGlobal;
  const ReloadReport report = b.Wait(a.Submit(request));
  CHECK(report.state == ReloadState::kDone);
  CHECK(report.members.size() == 2);
  CHECK(report.mounts.size() == 1);
  CHECK(report.finished_at_ms != 0);
}

// "Not found" would end the wait of who asks for a reload that another member has acknowledged.
TEST_CASE("of a reload that only the store may know, nobody says that there is none", "[cluster]") {
  const auto store = NewMemoryStore();
  Node a(Named("a"), std::make_shared<Forgetful>(store));
  const auto& reloads = a.reloads();
  const Status found = reloads.Find("other's").status();
  CHECK(found.code() == Code::kUnavailable);
  CHECK(found.message() ==
        "the reload \"other's\" is not known here; asking the store for it: it is away");
  CHECK(reloads.Wait("other's", After(kSoon)).status().reason() == "store_unreachable");
  CHECK(a.reloads().Cancel("other's").reason() == "store_unreachable");
  CHECK(a.reloads().Rollback("other's").status().reason() == "store_unreachable");
  // What was carried out here alone is known here.
  TwoVersions(a);
  a.Mount("", "kv/");
  const std::string own = a.Reload(Everywhere("kv")).reload_id;
  CHECK(reloads.Find(own).ok());
}

// It is known to be there, so that "not found" would be wrong.
TEST_CASE("a reload that has not arrived yet is asked for again", "[cluster]") {
  const auto store = NewMemoryStore();
  const auto late = std::make_shared<LaggingStore>(store);
  Node a(Named("a"), store), b(Named("b"), late);
  TwoVersions(a);
  late->Lag();
  ReloadRequest request = Everywhere("kv");
  request.scope = Scope::kGlobal;
  const std::string id = a.Submit(request);
  CHECK(b.reloads().Find(id).status().reason() == "store_behind");
  late->Arrive();
  CHECK(b.Wait(id).state == ReloadState::kDone);
}

// Its lease has yet to run out when the reload is asked for, and its successor is there already.
TEST_CASE("a member that was dead before a reload keeps nobody waiting", "[cluster]") {
  const auto store = NewMemoryStore();
  auto dead = store->Keep("cluster/members/dead", R"({"node":"b","member":"dead"})", Millis(1'000),
                          After(kSoon));
  REQUIRE(dead.ok());
  Node a(Named("a"), store), b(Named("b"), store);
  TwoVersions(a);
  a.Mount("", "kv/");
  ReloadRequest request = Everywhere("kv");
  request.scope = Scope::kGlobal;
  const std::string id = a.Submit(request);
  CHECK(a.reloads().Wait(id, After(Millis(0)))->members.size() == 3);
  dead->reset();
  const ReloadReport report = a.Wait(id);
  CHECK(report.state == ReloadState::kDone);
  CHECK(report.members.size() == 2);
}

}  // namespace
}  // namespace plugreload::test
