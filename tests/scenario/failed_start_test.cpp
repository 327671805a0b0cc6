#include <string>

#include "scenario/node.hpp"

namespace plugreload::test {
namespace {

// kv/ in the root, a/ and b/ with v1; v2 is pinned.
void Three(Node& node, const std::function<void(PluginSpec&)>& tweak = {}) {
  TwoVersions(node, tweak);
  node.Create("a");
  node.Create("b");
  for (const char* ns : {"", "a", "b"}) node.Mount(ns, "kv/");
  node.Pin("kv", "v2.0.0");
}

bool Has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

TEST_CASE("a failed start leaves the old instance serving and says why", "[reload][failure]") {
  Node node;
  TwoVersions(node);
  node.Mount("", "kv/");
  node.Pin("kv", "v2.0.0");
  const std::uint64_t serial = node.SerialAt("", "kv/");
  node.plugins.Fail("v2.0.0", "bad_config");
  const ReloadReport report = node.Reload(Everywhere("kv"));
  CHECK(report.state == ReloadState::kFailed);
  CHECK(report.failed == 1);
  CHECK(report.reloaded == 0);
  const MountReport& mount = report.mounts.at(0);
  CHECK(mount.outcome == MountOutcome::kFailed);
  CHECK(mount.previous_version == "v1.0.0");
  CHECK(mount.running_version == "v1.0.0");
  CHECK(mount.previous_generation == 1);
  CHECK(mount.generation == 1);
  CHECK(mount.status.code() == Code::kUnavailable);
  CHECK(mount.status.reason() == "bad_config");
  CHECK(Has(mount.status.message(), "kv"));
  CHECK(Has(mount.status.message(), "v2.0.0"));
  CHECK(Has(mount.status.message(), "the plugin does not want to"));
  CHECK(node.SerialAt("", "kv/") == serial);
  CHECK(node.Lease("", "kv/").generation() == 1);
  CHECK(node.StateOf("", "kv/").state == MountState::kServing);
  CHECK(node.plugins.Count("start", "v2.0.0") == 1);
  CHECK(node.plugins.Count("stop") == 0);
}

TEST_CASE("a start that throws leaves the old instance serving", "[reload][failure]") {
  Node node;
  TwoVersions(node);
  node.Mount("", "kv/");
  node.Pin("kv", "v2.0.0");
  node.plugins.Throw("v2.0.0");
  const ReloadReport report = node.Reload(Everywhere("kv"));
  CHECK(report.mounts.at(0).status.code() == Code::kInternal);
  CHECK(node.VersionAt("", "kv/") == "v1.0.0");
}

TEST_CASE("a version that was deregistered cannot be reloaded to and the old one serves",
          "[reload][failure]") {
  Node node;
  node.Register("kv", "v1.0.0");
  node.Mount("", "kv/");
  Node::Must(node.registry().Deregister({PluginType::kSecret, "kv", "v1.0.0"}));
  const ReloadReport report = node.Reload(Everywhere("kv"));
  CHECK(report.state == ReloadState::kFailed);
  CHECK(report.mounts.at(0).status.code() == Code::kNotFound);
  CHECK(report.mounts.at(0).status.reason() == "plugin_not_found");
  CHECK(node.VersionAt("", "kv/") == "v1.0.0");
}

TEST_CASE("after a failed reload the next one works", "[reload][failure]") {
  Node node;
  TwoVersions(node);
  node.Mount("", "kv/");
  node.Pin("kv", "v2.0.0");
  node.plugins.Fail("v2.0.0");
  CHECK(node.Reload(Everywhere("kv")).failed == 1);
  node.plugins.HealAll();
  const ReloadReport report = node.Reload(Everywhere("kv"));
  CHECK(report.reloaded == 1);
  CHECK(report.mounts.at(0).generation == 2);
  CHECK(node.VersionAt("", "kv/") == "v2.0.0");
}

TEST_CASE("best effort goes on with the other mounts when one fails", "[reload][policy]") {
  Node node;
  Three(node);
  node.plugins.Fail("v2.0.0@a/kv/");
  const ReloadReport report = node.Reload(Everywhere("kv"));
  CHECK(report.state == ReloadState::kFailed);
  CHECK(report.reloaded == 2);
  CHECK(report.failed == 1);
  REQUIRE(report.mounts.size() == 3);
  CHECK(report.mounts[1].mount.ns == "a/");
  CHECK(report.mounts[1].outcome == MountOutcome::kFailed);
  CHECK(report.mounts[2].outcome == MountOutcome::kReloaded);
  CHECK(node.VersionAt("", "kv/") == "v2.0.0");
  CHECK(node.VersionAt("a", "kv/") == "v1.0.0");
  CHECK(node.VersionAt("b", "kv/") == "v2.0.0");
}

TEST_CASE("all or nothing changes nothing when one start fails", "[reload][policy]") {
  Node node;
  Three(node);
  node.plugins.Fail("v2.0.0@b/kv/");
  ReloadRequest request = Everywhere("kv");
  request.policy = Policy::kAllOrNothing;
  const ReloadReport report = node.Reload(request);
  CHECK(report.state == ReloadState::kFailed);
  CHECK(report.reloaded == 0);
  CHECK(report.mounts.at(2).status.reason() == "boom");
  for (const MountReport& mount : report.mounts) {
    CHECK(mount.outcome != MountOutcome::kReloaded);
    CHECK_FALSE(mount.status.ok());
    CHECK(mount.running_version == "v1.0.0");
    CHECK(mount.generation == 1);
    CHECK(node.Lease(mount.mount.ns, "kv/").generation() == 1);
  }
  CHECK(node.plugins.Count("stop", "v1.0.0") == 0);
  CHECK(node.plugins.WaitLive(3));
  CHECK(node.plugins.Count("ready", "v2.0.0") == node.plugins.Count("stop", "v2.0.0"));
}

TEST_CASE("all or nothing reloads everything when every start succeeds", "[reload][policy]") {
  Node node;
  Three(node);
  ReloadRequest request = Everywhere("kv");
  request.policy = Policy::kAllOrNothing;
  CHECK(node.Reload(request).reloaded == 3);
  CHECK(node.VersionAt("b", "kv/") == "v2.0.0");
}

TEST_CASE("all or nothing serves nothing new before the last instance is ready",
          "[reload][policy]") {
  Node node;
  Three(node);
  node.plugins.Hold("v2.0.0@b/kv/");
  ReloadRequest request = Everywhere("kv");
  request.policy = Policy::kAllOrNothing;
  const std::string id = node.Submit(request);
  CHECK(node.plugins.WaitFor("ready", "v2.0.0", 2));
  CHECK(node.plugins.WaitFor("start", "v2.0.0@b/kv/", 1));
  for (const char* ns : {"", "a", "b"}) CHECK(node.VersionAt(ns, "kv/") == "v1.0.0");
  node.plugins.HealAll();
  CHECK(node.Wait(id).reloaded == 3);
  for (const char* ns : {"", "a", "b"}) CHECK(node.VersionAt(ns, "kv/") == "v2.0.0");
}

TEST_CASE("all or nothing refuses before any start when a version cannot be resolved",
          "[reload][policy]") {
  Node node;
  node.Register("kv", "v1.0.0");
  node.Register("kv", "v2.0.0");
  node.Mount("", "a/", "kv", [](MountEntry& entry) { entry.version = "v1.0.0"; });
  node.Mount("", "b/", "kv", [](MountEntry& entry) { entry.version = "v2.0.0"; });
  Node::Must(node.registry().Deregister({PluginType::kSecret, "kv", "v2.0.0"}));
  ReloadRequest request = Everywhere("kv");
  request.policy = Policy::kAllOrNothing;
  const ReloadReport report = node.Reload(request);
  CHECK(report.reloaded == 0);
  CHECK(report.state == ReloadState::kFailed);
  CHECK(node.Lease("", "a/").generation() == 1);
  CHECK(node.plugins.Count("start") == 2);
}

TEST_CASE("all or nothing together with stop_first is refused", "[reload][policy]") {
  Node node;
  Three(node);
  ReloadRequest request = Everywhere("kv");
  request.policy = Policy::kAllOrNothing;
  request.order = Order::kStopFirst;
  const Status status = node.reloads().Reload(request).status();
  CHECK(status.code() == Code::kInvalidArgument);
  CHECK(status.reason() == "order_conflict");
  CHECK(node.reloads().Submit(request).status().reason() == "order_conflict");
  CHECK(node.plugins.Count("start", "v2.0.0") == 0);
}

TEST_CASE("all or nothing is refused when a plugin's own order is stop_first", "[reload][policy]") {
  Node node;
  Three(node, [](PluginSpec& spec) { spec.order = Order::kStopFirst; });
  ReloadRequest request = Everywhere("kv");
  request.policy = Policy::kAllOrNothing;
  const ReloadReport report = node.Reload(request);
  CHECK(report.reloaded == 0);
  CHECK(report.failed == 3);
  for (const MountReport& mount : report.mounts) {
    CHECK(mount.status.reason() == "order_conflict");
  }
  CHECK(node.plugins.Count("start", "v2.0.0") == 0);
  CHECK(node.plugins.Count("stop") == 0);
  request.order = Order::kStartFirst;
  CHECK(node.Reload(request).reloaded == 3);
}

}  // namespace
}  // namespace plugreload::test
