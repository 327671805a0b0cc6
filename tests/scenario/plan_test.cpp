#include <set>
#include <string>

#include "scenario/node.hpp"

namespace plugreload::test {
namespace {

ReloadPlan Plan(Node& node, const ReloadRequest& request) {
  auto plan = node.reloads().Plan(request);
  if (!plan.ok()) FAIL(plan.status().ToString());
  return *std::move(plan);
}

TEST_CASE("a plan lists what a reload would restart, and starts nothing", "[reload][plan]") {
  Node node;
  TwoVersions(node);
  node.Create("a");
  node.Mount("", "kv/");
  node.Mount("a", "kv/");
  node.Pin("kv", "v2.0.0");
  const ReloadPlan plan = Plan(node, Everywhere("kv"));
  REQUIRE(plan.items.size() == 2);
  CHECK(plan.items[0].mount.ns.empty());
  CHECK(plan.items[1].mount.ns == "a/");
  for (const ReloadPlan::Item& item : plan.items) {
    CHECK(item.running_version == "v1.0.0");
    CHECK(item.target_version == "v2.0.0");
    CHECK(item.rule == VersionRule::kPin);
    CHECK(item.order == Order::kStartFirst);
    CHECK_FALSE(item.would_skip);
    CHECK(item.status.ok());
  }
  CHECK(plan.items[0].process != plan.items[1].process);
  CHECK(plan.processes == 2);
  CHECK(plan.neighbours.empty());
  CHECK(plan.revision > 0);
  CHECK(node.plugins.Count("start", "v2.0.0") == 0);
  CHECK(node.plugins.Count("stop") == 0);
  CHECK(node.VersionAt("a", "kv/") == "v1.0.0");
  CHECK(node.Reload(Everywhere("kv")).revision == plan.revision);
}

TEST_CASE("a plan counts the processes of plugins that share", "[reload][plan]") {
  Node node;
  TwoVersions(node, [](PluginSpec& spec) { spec.sharing = Sharing::kNamespace; });
  node.Create("a");
  for (const char* path : {"one/", "two/", "three/"}) node.Mount("a", path);
  node.Mount("", "one/");
  const ReloadPlan plan = Plan(node, Everywhere("kv"));
  REQUIRE(plan.items.size() == 4);
  CHECK(plan.processes == 2);
  CHECK(plan.items[1].process == plan.items[2].process);
  CHECK(plan.items[0].process != plan.items[1].process);
}

TEST_CASE("a plan names the neighbours that share an instance and keep it", "[reload][plan]") {
  Node node;
  TwoVersions(node, [](PluginSpec& spec) { spec.sharing = Sharing::kGlobal; });
  node.Create("a");
  node.Create("b");
  for (const char* ns : {"", "a", "b"}) node.Mount(ns, "kv/");
  const ReloadPlan plan = Plan(node, InNamespace("a", "kv"));
  CHECK(plan.items.size() == 1);
  REQUIRE(plan.neighbours.size() == 2);
  std::set<std::string> names;
  for (const MountEntry& mount : plan.neighbours) names.insert(mount.ns + mount.path);
  CHECK(names == std::set<std::string>{"kv/", "b/kv/"});
}

TEST_CASE("a plan tells which lazy mounts would be skipped", "[reload][plan]") {
  Node node;
  TwoVersions(node);
  node.Mount("", "lazy/", "kv", [](MountEntry& entry) { entry.start = StartMode::kLazy; });
  ReloadPlan plan = Plan(node, Everywhere("kv"));
  CHECK(plan.items.at(0).would_skip);
  CHECK(plan.processes == 0);
  node.Lease("", "lazy/").Release();
  plan = Plan(node, Everywhere("kv"));
  CHECK_FALSE(plan.items.at(0).would_skip);
  CHECK(plan.processes == 1);
}

TEST_CASE("a plan tells why a mount would fail before anything starts", "[reload][plan]") {
  Node node;
  node.Register("kv", "v1.0.0");
  node.Mount("", "kv/");
  Node::Must(node.registry().Deregister({PluginType::kSecret, "kv", "v1.0.0"}));
  const ReloadPlan plan = Plan(node, Everywhere("kv"));
  CHECK(plan.items.at(0).status.reason() == "plugin_not_found");
  CHECK(plan.processes == 0);
}

TEST_CASE("a plan tells that stop_first would be refused for a shared instance", "[reload][plan]") {
  Node node;
  TwoVersions(node, [](PluginSpec& spec) {
    spec.sharing = Sharing::kGlobal;
    spec.order = Order::kStopFirst;
  });
  node.Create("a");
  node.Mount("", "kv/");
  node.Mount("a", "kv/");
  const ReloadPlan plan = Plan(node, InNamespace("a", "kv"));
  CHECK(plan.items.at(0).order == Order::kStopFirst);
  CHECK_FALSE(plan.items.at(0).status.ok());
  CHECK(Plan(node, Everywhere("kv")).items.at(0).status.ok());
}

TEST_CASE("a plan is refused where the reload would be", "[reload][plan]") {
  Node node;
  TwoVersions(node);
  node.Mount("", "kv/");
  CHECK(node.reloads().Plan(InNamespace("nowhere", "kv")).status().reason() ==
        "namespace_not_found");
  CHECK(node.reloads().Plan(Everywhere("")).status().code() == Code::kInvalidArgument);
  ReloadRequest request = Everywhere("kv");
  request.policy = Policy::kAllOrNothing;
  request.order = Order::kStopFirst;
  CHECK(node.reloads().Plan(request).status().reason() == "order_conflict");
}

}  // namespace
}  // namespace plugreload::test
