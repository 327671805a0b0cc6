#include <string>
#include <thread>

#include "scenario/node.hpp"

namespace plugreload::test {
namespace {

// kv/ and second/ with v1; a reload to v2 is under way and the start of kv/ waits.
std::string Busy(Node& node) {
  TwoVersions(node);
  node.Create("a");
  node.Mount("", "kv/");
  node.Mount("", "second/");
  node.Pin("kv", "v2.0.0");
  node.plugins.Hold("v2.0.0@kv/");
  const std::string id = node.Submit(Everywhere("kv"));
  REQUIRE(node.plugins.WaitFor("start", "v2.0.0@kv/", 1));
  return id;
}

const MountReport& Of(const ReloadReport& report, const std::string& path) {
  for (const MountReport& mount : report.mounts) {
    if (mount.mount.path == path) return mount;
  }
  FAIL("the report does not name " + path);
  return report.mounts.front();
}

TEST_CASE("a mount that is removed during a reload is skipped and reported", "[reload][change]") {
  Node node;
  const std::string id = Busy(node);
  CHECK(node.reloads().Unmount("", "kv/", After(kSoon)).ToString() == "OK");
  node.plugins.HealAll();
  const ReloadReport report = node.Wait(id);
  CHECK(report.reloaded == 1);
  CHECK(report.skipped == 1);
  CHECK(report.failed == 0);
  CHECK(report.state == ReloadState::kDone);
  CHECK(Of(report, "kv/").outcome == MountOutcome::kSkipped);
  CHECK_FALSE(Of(report, "kv/").status.ok());
  CHECK_FALSE(node.namespaces().FindMount("", "kv/").has_value());
  // Only second/ is left, whatever was prepared for kv/.
  CHECK(node.plugins.WaitLive(1));
}

TEST_CASE("a mount that moves during a reload keeps serving and is reported", "[reload][change]") {
  Node node;
  const std::string id = Busy(node);
  Node::Must(node.reloads().Move("", "kv/", "", "moved/"));
  CHECK(node.VersionAt("", "moved/") == "v1.0.0");
  CHECK(node.reloads().Acquire("", "kv/", Millis(0)).status().reason() == "mount_not_found");
  node.plugins.HealAll();
  const ReloadReport report = node.Wait(id);
  REQUIRE(report.mounts.size() == 2);
  const MountReport& moved =
      report.mounts[0].mount.path == "second/" ? report.mounts[1] : report.mounts[0];
  CHECK(report.failed == 0);
  CHECK((moved.outcome == MountOutcome::kReloaded || moved.outcome == MountOutcome::kSkipped));
  CHECK(node.VersionAt("", "moved/") ==
        (moved.outcome == MountOutcome::kReloaded ? "v2.0.0" : "v1.0.0"));
  CHECK(node.VersionAt("", "second/") == "v2.0.0");
  CHECK(node.plugins.WaitLive(2));
}

TEST_CASE("a mount that leaves the namespace of the request is not reloaded", "[reload][change]") {
  Node node;
  TwoVersions(node);
  node.Create("a");
  node.Mount("", "kv/");
  node.Pin("kv", "v2.0.0");
  node.plugins.Hold("v2.0.0");
  const std::string id = node.Submit(InNamespace("", "kv"));
  REQUIRE(node.plugins.WaitFor("start", "v2.0.0", 1));
  Node::Must(node.reloads().Move("", "kv/", "a", "kv/"));
  node.plugins.HealAll();
  CHECK(node.Wait(id).mounts.at(0).outcome == MountOutcome::kSkipped);
  CHECK(node.VersionAt("a", "kv/") == "v1.0.0");
  CHECK(node.plugins.WaitLive(1));
}

TEST_CASE("a move keeps the instance and grows the generation", "[reload][change]") {
  Node node;
  TwoVersions(node);
  node.Create("a");
  const MountEntry before = node.Mount("", "kv/");
  PluginLease held = node.Lease("", "kv/x");
  const std::uint64_t serial = Node::Object(held).serial();
  Node::Must(node.reloads().Move("", "kv", "a", "other"));
  const PluginLease lease = node.Lease("a", "other/x");
  CHECK(lease.generation() == 2);
  CHECK(lease.mount().ns == "a/");
  CHECK(lease.mount().path == "other/");
  CHECK(lease.mount().accessor == before.accessor);
  CHECK(Node::Object(lease).serial() == serial);
  CHECK(held.mount().path == "kv/");
  CHECK(held.mount().ns.empty());
  CHECK(node.plugins.Count("start") == 1);
  CHECK(node.plugins.Count("stop") == 0);
}

TEST_CASE("a move is refused when the new path is taken or not allowed", "[reload][change]") {
  Node node;
  TwoVersions(node);
  node.Create("a");
  node.Mount("", "kv/");
  node.Mount("", "taken/");
  const auto move = [&](const char* from, const char* ns, const char* to) {
    return node.reloads().Move("", from, ns, to);
  };
  CHECK(move("no/", "", "x/").code() == Code::kNotFound);
  CHECK(move("kv/", "nowhere", "x/").code() == Code::kNotFound);
  CHECK(move("kv/", "", "taken/").reason() == "path_in_use");
  CHECK(move("kv/", "", "a/").code() == Code::kAlreadyExists);
  CHECK(move("kv/", "", "auth/kv/").code() == Code::kInvalidArgument);
  CHECK(node.Lease("", "kv/").generation() == 1);
}

TEST_CASE("a plugin can be mounted while another mount of it is reloaded", "[reload][change]") {
  Node node;
  const std::string id = Busy(node);
  node.Mount("a", "new/");
  CHECK(node.VersionAt("a", "new/") == "v2.0.0");
  CHECK(node.reloads().Find(id)->state == ReloadState::kRunning);
  node.plugins.HealAll();
  CHECK(node.Wait(id).reloaded == 2);
  CHECK(node.Lease("a", "new/").generation() == 1);
}

TEST_CASE("a pin that changes during a reload is the next reload's business", "[reload][change]") {
  Node node;
  const std::string id = Busy(node);
  node.Register("kv", "v3.0.0");
  node.Pin("kv", "v3.0.0");
  node.plugins.HealAll();
  const ReloadReport report = node.Wait(id);
  CHECK(Of(report, "kv/").running_version == "v2.0.0");
  CHECK(Of(report, "second/").running_version == "v2.0.0");
  CHECK(node.Reload(Everywhere("kv")).mounts.at(0).running_version == "v3.0.0");
}

TEST_CASE("a mount that is tuned during a reload keeps both changes", "[reload][change]") {
  Node node;
  const std::string id = Busy(node);
  Node::Must(node.reloads().TuneMount("", "kv/", TuneDescription("new words")));
  CHECK(node.VersionAt("", "kv/") == "v1.0.0");
  node.plugins.HealAll();
  CHECK(Of(node.Wait(id), "kv/").outcome == MountOutcome::kReloaded);
  CHECK(node.Lease("", "kv/").mount().description == "new words");
  CHECK(node.VersionAt("", "kv/") == "v2.0.0");
}

TEST_CASE("an unmount of what is not mounted says so", "[reload][change]") {
  Node node;
  TwoVersions(node);
  CHECK(node.reloads().Unmount("", "no/", After(kSoon)).code() == Code::kNotFound);
  CHECK(node.reloads().Unmount("nowhere", "no/", After(kSoon)).code() == Code::kNotFound);
}

TEST_CASE("a mount removed while stop_first holds it frees its waiting requests",
          "[reload][change]") {
  Node node;
  TwoVersions(node, [](PluginSpec& spec) { spec.order = Order::kStopFirst; });
  node.Mount("", "kv/");
  node.plugins.Hold("v1.0.0");
  const std::string id = node.Submit(Everywhere("kv"));
  REQUIRE(node.plugins.WaitFor("start", "v1.0.0", 2));
  Status status;
  {
    std::jthread waiting([&] { status = node.reloads().Acquire("", "kv/", kSoon).status(); });
    CHECK(node.reloads().Unmount("", "kv/", After(kSoon)).ok());
  }
  CHECK(status.reason() == "mount_not_found");
  node.plugins.HealAll();
  CHECK(node.Wait(id).mounts.at(0).outcome == MountOutcome::kSkipped);
  CHECK(node.plugins.WaitLive(0));
}

TEST_CASE("a mount that moves while stop_first holds it is told by its new path",
          "[reload][change]") {
  Node node;
  TwoVersions(node, [](PluginSpec& spec) { spec.order = Order::kStopFirst; });
  node.Mount("", "kv/");
  PluginLease lease = node.Lease("", "kv/");
  ReloadRequest request = Everywhere("kv");
  request.drain_timeout = Millis(300);
  const std::string id = node.Submit(request);
  REQUIRE(Eventually([&] { return node.StateOf("", "kv/").state == MountState::kHeld; }));
  Node::Must(node.reloads().Move("", "kv/", "", "moved/"));
  // The drain meets its deadline and the old instance serves again: at the new path.
  const PluginLease again = node.Lease("", "moved/");
  CHECK(again.mount().path == "moved/");
  CHECK(again.generation() > lease.generation());
  lease.Release();
  CHECK(node.Wait(id).reloaded == 0);
}

}  // namespace
}  // namespace plugreload::test
