#include <memory>
#include <string>

#include "scenario/node.hpp"

namespace plugreload::test {
namespace {

Node::Tweak Named(const std::string& name) {
  return [name](RuntimeOptions& options) {
    options.node = name;
    options.member_ttl = Millis(500);  // so that they tell soon
  };
}

// Two runtimes of node "a", one of node "b".
struct Workers {
  std::shared_ptr<StateStore> store = NewMemoryStore();
  Node one{Named("a"), store};
  Node two{Named("a"), store};
  Node other{Named("b"), store};

  Workers() {
    TwoVersions(one);
    one.Mount("", "kv/");
    for (Node* node : {&two, &other}) {
      REQUIRE(Eventually([&] { return node->reloads().Acquire("", "kv/", kSoon).ok(); }));
    }
  }
};

TEST_CASE("a local reload reaches every member of its node and no other node", "[cluster]") {
  Workers workers;
  workers.one.Pin("kv", "v2.0.0");
  const ReloadReport report = workers.two.Reload(Everywhere("kv"));
  CHECK(report.state == ReloadState::kDone);
  REQUIRE(report.members.size() == 2);
  CHECK(report.members[0].self != report.members[1].self);
  CHECK(workers.one.VersionAt("", "kv/") == "v2.0.0");
  CHECK(workers.two.VersionAt("", "kv/") == "v2.0.0");
  CHECK(workers.other.VersionAt("", "kv/") == "v1.0.0");
}

TEST_CASE("a member that fails is told by the one that was asked", "[cluster]") {
  Workers workers;
  workers.one.plugins.Fail("@kv/", "bad_config");
  const ReloadReport report = workers.two.Reload(Everywhere("kv"));
  CHECK(report.state == ReloadState::kFailed);
  CHECK(report.reloaded == 1);
  for (const MemberReport& member : report.members) {
    REQUIRE(member.mounts.size() == 1);
    CHECK(member.mounts[0].path == "kv/");
    CHECK((member.mounts[0].outcome == MountOutcome::kReloaded) == member.self);
    CHECK(member.error.empty() == member.self);
  }
}

TEST_CASE("a member that has gone keeps nobody waiting", "[cluster]") {
  Workers workers;
  Node::Must(workers.one.runtime->Close(After(kSoon)));
  const ReloadReport report = workers.two.Reload(Everywhere("kv"));
  CHECK(report.state == ReloadState::kDone);
  CHECK(report.members.empty());
}

TEST_CASE("every member tells what it runs and what needs a reload", "[cluster]") {
  Workers workers;
  const auto stale = [&](std::size_t members, std::size_t wanted) {
    const auto running = workers.two.reloads().Running(After(kSoon));
    if (!running.ok() || running->size() != members) return false;
    for (const MemberState& state : *running) {
      if (state.plugins.size() != 1 || state.plugins[0].mounts != 1) return false;
      if (state.reload_needed != wanted || state.stale.size() != wanted) return false;
    }
    return true;
  };
  CHECK(Eventually([&] { return stale(3, 0); }));
  workers.one.Pin("kv", "v2.0.0");
  CHECK(Eventually([&] { return stale(3, 1); }));
  ReloadRequest everywhere = Everywhere("kv");
  everywhere.scope = Scope::kGlobal;
  CHECK(workers.one.Wait(workers.one.Submit(everywhere)).state == ReloadState::kDone);
  CHECK(Eventually([&] { return stale(3, 0); }));
  const auto running = workers.one.reloads().Running(After(kSoon));
  CHECK((*running)[0].node == "a");
  CHECK((*running)[2].node == "b");
  CHECK((*running)[2].plugins[0].ref.version == "v2.0.0");
}

TEST_CASE("what a member told goes when it has gone", "[cluster]") {
  const auto store = NewMemoryStore();
  Node stays(Named("a"), store);
  TwoVersions(stays);
  stays.Mount("", "kv/");
  {
    Node goes(Named("b"), store);
    CHECK(Eventually(
        [&] { return store->Load("cluster/running/", After(kSoon))->documents.size() == 2; }));
  }
  stays.Pin("kv", "v2.0.0");  // something to tell
  CHECK(Eventually(
      [&] { return store->Load("cluster/running/", After(kSoon))->documents.size() == 1; }));
}

}  // namespace
}  // namespace plugreload::test
