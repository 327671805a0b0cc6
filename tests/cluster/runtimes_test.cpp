// Whole runtimes, each with a store of its own, on one etcd whose leader is killed under them.
#include <signal.h>

#include <memory>
#include <string>
#include <utility>

#include "cluster/etcd_server.hpp"
#include "scenario/node.hpp"

namespace plugreload::test {
namespace {

// The servers first: with them gRPC has been used before a node looks for leaks.
struct Three {
  EtcdCluster etcd{{3, {}, "", "", ""}};
  Node a{Named("a"), Store()};
  Node b{Named("b"), Store()};
  Node c{Named("c"), Store()};

  Three() {
    TwoVersions(a);
    a.Mount("", "kv/");
    REQUIRE(AllRun("v1.0.0"));
  }
  // Of the runtime alone: it goes before the node looks for leaks.
  std::shared_ptr<StateStore> Store() const {
    auto store = NewEtcdStore(etcd.Options());
    if (!store.ok()) FAIL(store.status().ToString());
    return *std::move(store);
  }
  static Node::Tweak Named(const std::string& name) {
    return [name](RuntimeOptions& options) { options.node = name; };
  }
  bool AllRun(const std::string& version) {
    return Eventually([&] {
      for (Node* node : {&a, &b, &c}) {
        auto lease = node->reloads().Acquire("", "kv/", kSoon);
        if (!lease.ok() || lease->version() != version) return false;
      }
      return true;
    });
  }
};

ReloadRequest GlobalTo(const std::string& version) {
  ReloadRequest request = Everywhere("kv");
  request.scope = Scope::kGlobal;
  request.pin = PluginRef{PluginType::kSecret, "kv", version};
  return request;
}

TEST_CASE("a global reload reaches every node though the leader of etcd is killed in its middle",
          "[cluster]") {
  Three three;
  three.b.plugins.Hold("@kv/");
  const std::string id = three.a.Submit(GlobalTo("v2.0.0"));
  REQUIRE(three.b.plugins.WaitFor("start", "", 2));
  three.etcd.Kill(three.etcd.Leader());
  three.b.plugins.HealAll();
  const ReloadReport report = three.c.Wait(id);
  CHECK(report.state == ReloadState::kDone);
  CHECK(report.members.size() == 3);
  CHECK(three.AllRun("v2.0.0"));
  for (Node* node : {&three.a, &three.b, &three.c}) CHECK(node->plugins.Count("start") == 2);
}

TEST_CASE("a rolling reload over etcd reaches every node once", "[cluster]") {
  Three three;
  ReloadRequest request = GlobalTo("v2.0.0");
  request.strategy = Strategy::kRolling;
  CHECK(three.b.Wait(three.a.Submit(request)).state == ReloadState::kDone);
  CHECK(three.AllRun("v2.0.0"));
  for (Node* node : {&three.a, &three.b, &three.c}) CHECK(node->plugins.Count("start") == 2);
}

TEST_CASE("leases are given while etcd is away, and changes go on when it is back", "[cluster]") {
  Three three;
  for (std::size_t m = 0; m < 3; ++m) three.etcd.Signal(m, SIGSTOP);
  for (Node* node : {&three.a, &three.b, &three.c}) CHECK(node->VersionAt("", "kv/") == "v1.0.0");
  const Status pinned =
      three.a.registry().SetPin({PluginType::kSecret, "kv", "v2.0.0"}, After(Millis(500)));
  INFO(pinned.ToString());
  CHECK((pinned.code() == Code::kUnavailable || pinned.code() == Code::kDeadlineExceeded ||
         pinned.code() == Code::kUnknown));
  for (std::size_t m = 0; m < 3; ++m) three.etcd.Signal(m, SIGCONT);
  CHECK(three.b.Wait(three.b.Submit(GlobalTo("v2.0.0"))).state == ReloadState::kDone);
  CHECK(three.AllRun("v2.0.0"));
}

}  // namespace
}  // namespace plugreload::test
