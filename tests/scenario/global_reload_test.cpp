#include <memory>
#include <string>

#include "scenario/node.hpp"

namespace plugreload::test {
namespace {

struct Three {
  std::shared_ptr<StateStore> store = NewMemoryStore();
  Node a{Named("a"), store};
  Node b{Named("b"), store};
  Node c{Named("c"), store};

  Three() {
    TwoVersions(a);
    a.Mount("", "kv/");
    for (Node* node : {&a, &b, &c}) {
      REQUIRE(Eventually([&] {
        auto lease = node->reloads().Acquire("", "kv/", kSoon);
        return lease.ok() && lease->version() == "v1.0.0";
      }));
    }
  }
  static Node::Tweak Named(const std::string& name) {
    return [name](RuntimeOptions& options) { options.node = name; };
  }
  bool AllRun(const std::string& version) {
    return a.VersionAt("", "kv/") == version && b.VersionAt("", "kv/") == version &&
           c.VersionAt("", "kv/") == version;
  }
};

ReloadRequest Global() {
  ReloadRequest request = Everywhere("kv");
  request.scope = Scope::kGlobal;
  request.pin = PluginRef{PluginType::kSecret, "kv", "v2.0.0"};
  return request;
}

std::string StateAt(const ReloadReport& report, const std::string& node) {
  for (const MemberReport& member : report.members) {
    if (member.node == node) return std::string(NodeStateName(member.state));
  }
  return "missing";
}

TEST_CASE("a global reload with its pin reaches every node once", "[cluster]") {
  Three three;
  const std::string id = three.a.Submit(Global());
  const ReloadReport report = three.c.Wait(id);
  CHECK(report.state == ReloadState::kDone);
  CHECK(report.members.size() == 3);
  CHECK(three.AllRun("v2.0.0"));
  for (Node* node : {&three.a, &three.b, &three.c}) {
    CHECK(node->plugins.Count("start") == 2);
    CHECK(node->reloads().Find(id)->state == ReloadState::kDone);
  }
}

TEST_CASE("a global reload id is taken on every node", "[cluster]") {
  Three three;
  ReloadRequest request = Global();
  request.reload_id = "one of/these";
  three.a.Submit(request);
  CHECK(Eventually(
      [&] { return three.b.reloads().Submit(request).status().reason() == "reload_id_in_use"; }));
  CHECK(three.a.Wait(request.reload_id).state == ReloadState::kDone);
}

TEST_CASE("a rolling reload reaches every node, one at a time", "[cluster]") {
  Three three;
  ReloadRequest request = Global();
  request.strategy = Strategy::kRolling;
  three.b.plugins.Hold("@kv/");
  const std::string id = three.a.Submit(request);
  CHECK(Eventually([&] { return StateAt(*three.c.reloads().Find(id), "b") == "running"; }));
  std::size_t running = 0;
  const auto report = three.a.reloads().Find(id);
  for (const MemberReport& member : report->members) {
    if (member.state == NodeState::kRunning) ++running;
  }
  CHECK(running == 1);
  three.b.plugins.HealAll();
  CHECK(three.a.Wait(id).state == ReloadState::kDone);
  CHECK(three.AllRun("v2.0.0"));
}

TEST_CASE("a failing node stops the roll", "[cluster]") {
  Three three;
  for (Node* node : {&three.a, &three.b, &three.c}) node->plugins.Fail("@kv/", "bad_config");
  ReloadRequest request = Global();
  request.strategy = Strategy::kRolling;
  const ReloadReport report = three.a.Wait(three.a.Submit(request));
  CHECK(report.state == ReloadState::kFailed);
  std::size_t failed = 0, stopped = 0;
  for (const MemberReport& member : report.members) {
    if (member.state == NodeState::kFailed) ++failed;
    if (member.state == NodeState::kCancelled) ++stopped;
  }
  CHECK(failed == 1);
  CHECK(stopped == 2);
  CHECK(three.AllRun("v1.0.0"));
}

TEST_CASE("a cancelled roll ends on every node", "[cluster]") {
  Three three;
  for (Node* node : {&three.a, &three.b, &three.c}) node->plugins.Hold("@kv/");
  ReloadRequest request = Global();
  request.strategy = Strategy::kRolling;
  const std::string id = three.a.Submit(request);
  REQUIRE(Eventually([&] {
    const auto report = three.b.reloads().Find(id);
    if (!report.ok()) return false;
    for (const MemberReport& member : report->members) {
      if (member.state == NodeState::kRunning) return true;
    }
    return false;
  }));
  Node::Must(three.c.reloads().Cancel(id));
  CHECK(three.b.Wait(id).state == ReloadState::kCancelled);
  CHECK(three.AllRun("v1.0.0"));
  CHECK(three.a.reloads().Cancel(id).reason() == "already_finished");
}

TEST_CASE("two runtimes of one node are two members of it", "[cluster]") {
  const auto store = NewMemoryStore();
  Node one(Three::Named("a"), store);
  Node two(Three::Named("a"), store);
  TwoVersions(one);
  one.Mount("", "kv/");
  REQUIRE(Eventually([&] { return two.reloads().Acquire("", "kv/", kSoon).ok(); }));
  const ReloadReport report = two.Wait(one.Submit(Global()));
  CHECK(report.state == ReloadState::kDone);
  REQUIRE(report.members.size() == 2);
  CHECK(report.members[0].node == "a");
  CHECK(report.members[1].node == "a");
  CHECK(report.members[0].member != report.members[1].member);
  CHECK(two.VersionAt("", "kv/") == "v2.0.0");
}

TEST_CASE("a node that joins later does not reload what it started fresh", "[cluster]") {
  Three three;
  CHECK(three.a.Wait(three.a.Submit(Global())).state == ReloadState::kDone);
  Node late(Three::Named("d"), three.store);
  CHECK(late.runtime->WaitReady(After(kSoon)).ok());
  CHECK(late.VersionAt("", "kv/") == "v2.0.0");
  CHECK(late.plugins.Count("start") == 1);
}

TEST_CASE("the store keeps the last global reloads only", "[cluster]") {
  const auto store = NewMemoryStore();
  Node node([](RuntimeOptions& options) { options.global_history = 4; }, store);
  TwoVersions(node);
  node.Mount("", "kv/");
  for (int i = 0; i < 20; ++i) CHECK(node.Wait(node.Submit(Global())).state == ReloadState::kDone);
  CHECK(Eventually([&] {
    return store->Load("state/reloads/", After(kSoon))->documents.size() <= 4 &&
           store->Load("cluster/results/", After(kSoon))->documents.size() <= 4;
  }));
  CHECK(store->Load("cluster/permits/", After(kSoon))->documents.empty());
}

}  // namespace
}  // namespace plugreload::test
