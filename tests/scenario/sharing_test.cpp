#include <string>

#include "scenario/node.hpp"

namespace plugreload::test {
namespace {

// Two mounts in a/, one in b/ and one in the root.
void Four(Node& node, Sharing sharing) {
  TwoVersions(node, [sharing](PluginSpec& spec) { spec.sharing = sharing; });
  node.Create("a");
  node.Create("b");
  node.Mount("a", "one/");
  node.Mount("a", "two/");
  node.Mount("b", "one/");
  node.Mount("", "one/");
}

TEST_CASE("mounts that do not share get an instance each", "[reload][sharing]") {
  Node node;
  Four(node, Sharing::kMount);
  CHECK(node.plugins.Count("start") == 4);
  CHECK(node.SerialAt("a", "one/") != node.SerialAt("a", "two/"));
}

TEST_CASE("mounts that share in a namespace get an instance per namespace", "[reload][sharing]") {
  Node node;
  Four(node, Sharing::kNamespace);
  CHECK(node.plugins.Count("start") == 3);
  CHECK(node.SerialAt("a", "one/") == node.SerialAt("a", "two/"));
  CHECK(node.SerialAt("a", "one/") != node.SerialAt("b", "one/"));
  CHECK(node.SerialAt("", "one/") != node.SerialAt("b", "one/"));
}

TEST_CASE("mounts that share globally get one instance", "[reload][sharing]") {
  Node node;
  Four(node, Sharing::kGlobal);
  CHECK(node.plugins.Count("start") == 1);
  CHECK(node.SerialAt("a", "one/") == node.SerialAt("b", "one/"));
  CHECK(node.Lease("b", "one/").mount().ns == "b/");
  CHECK(node.Lease("a", "two/").generation() == 1);
}

TEST_CASE("mounts of different versions never share", "[reload][sharing]") {
  Node node;
  const auto global = [](PluginSpec& spec) { spec.sharing = Sharing::kGlobal; };
  node.Register("kv", "v1.0.0", global);
  node.Register("kv", "v2.0.0", global);
  node.Mount("", "one/", "kv", [](MountEntry& entry) { entry.version = "v1.0.0"; });
  node.Mount("", "two/", "kv", [](MountEntry& entry) { entry.version = "v2.0.0"; });
  CHECK(node.plugins.Count("start") == 2);
}

TEST_CASE("a reload of all mounts that share starts one new instance", "[reload][sharing]") {
  Node node;
  Four(node, Sharing::kGlobal);
  node.Pin("kv", "v2.0.0");
  const ReloadReport report = node.Reload(Everywhere("kv"));
  CHECK(report.reloaded == 4);
  CHECK(node.plugins.Count("start", "v2.0.0") == 1);
  CHECK(node.plugins.Count("stop", "v1.0.0") == 1);
  CHECK(report.mounts[0].instance == report.mounts[3].instance);
}

TEST_CASE("a reload in one namespace leaves the neighbours of a shared instance alone",
          "[reload][sharing]") {
  Node node;
  Four(node, Sharing::kGlobal);
  const std::uint64_t old = node.SerialAt("b", "one/");
  node.Pin("kv", "v2.0.0");
  CHECK(node.Reload(InNamespace("a", "kv")).reloaded == 2);
  CHECK(node.SerialAt("a", "one/") == node.SerialAt("a", "two/"));
  CHECK(node.VersionAt("a", "one/") == "v2.0.0");
  for (const char* ns : {"", "b"}) {
    const PluginLease lease = node.Lease(ns, "one/");
    CHECK(lease.version() == "v1.0.0");
    CHECK(lease.generation() == 1);
    CHECK(Node::Object(lease).serial() == old);
    CHECK(Node::Object(lease).Serve());
  }
  CHECK(node.plugins.Count("stop") == 0);
}

TEST_CASE("a shared instance is stopped when its last mount has moved away", "[reload][sharing]") {
  Node node;
  Four(node, Sharing::kGlobal);
  node.Reload(InNamespace("a", "kv"));
  node.Reload(InNamespace("b", "kv"));
  CHECK(node.plugins.Count("stop") == 0);
  node.Reload(InNamespace("", "kv"));
  CHECK(node.plugins.Count("stop") == 1);
}

TEST_CASE("a new mount joins the newest instance", "[reload][sharing]") {
  Node node;
  Four(node, Sharing::kGlobal);
  node.Reload(InNamespace("a", "kv"));
  const std::uint64_t newest = node.SerialAt("a", "one/");
  CHECK(newest != node.SerialAt("b", "one/"));
  node.Mount("b", "two/");
  CHECK(node.SerialAt("b", "two/") == newest);
  CHECK(node.plugins.Count("start") == 2);
}

TEST_CASE("a reload never joins an instance that was started before it was asked for",
          "[reload][sharing]") {
  Node node;
  Four(node, Sharing::kGlobal);
  node.Reload(InNamespace("a", "kv"));
  const std::uint64_t before = node.SerialAt("a", "one/");
  node.Reload(InNamespace("b", "kv"));
  CHECK(node.SerialAt("b", "one/") > before);
  CHECK(node.SerialAt("a", "one/") == before);
  CHECK(node.plugins.Count("start") == 3);
}

TEST_CASE("a failed start of a shared instance fails all its mounts and stops none",
          "[reload][sharing]") {
  Node node;
  Four(node, Sharing::kGlobal);
  node.Pin("kv", "v2.0.0");
  node.plugins.Fail("v2.0.0");
  const ReloadReport report = node.Reload(Everywhere("kv"));
  CHECK(report.failed == 4);
  CHECK(node.plugins.Count("start", "v2.0.0") == 1);
  CHECK(node.plugins.Count("stop") == 0);
  CHECK(node.Lease("b", "one/").generation() == 1);
}

TEST_CASE("an unmount leaves a shared instance to its other mounts", "[reload][sharing]") {
  Node node;
  Four(node, Sharing::kGlobal);
  Node::Must(node.reloads().Unmount("a", "one/", After(kSoon)));
  Node::Must(node.reloads().Unmount("b", "one/", After(kSoon)));
  CHECK(node.plugins.Count("stop") == 0);
  CHECK(Node::Object(node.Lease("a", "two/")).Serve());
  Node::Must(node.reloads().Unmount("a", "two/", After(kSoon)));
  Node::Must(node.reloads().Unmount("", "one/", After(kSoon)));
  CHECK(node.plugins.WaitLive(0));
}

TEST_CASE("a lease in one namespace does not hold the reload of another one's instance",
          "[reload][sharing]") {
  Node node;
  Four(node, Sharing::kGlobal);
  const PluginLease neighbour = node.Lease("b", "one/");
  const ReloadReport report = node.Reload(InNamespace("a", "kv"));
  CHECK(report.state == ReloadState::kDone);
  CHECK(report.reloaded == 2);
  CHECK(Node::Object(neighbour).Serve());
}

TEST_CASE("a crash of a shared instance brings every mount of it back", "[reload][sharing]") {
  Node node;
  Four(node, Sharing::kGlobal);
  const std::uint64_t old = node.SerialAt("a", "one/");
  REQUIRE(node.plugins.Kill(old));
  for (const char* mount : {"a/one/", "a/two/", "b/one/", "one/"}) {
    CHECK(Eventually([&] {
      auto lease = node.reloads().Acquire("", mount, kSoon);
      return lease.ok() && Node::Object(*lease).serial() != old;
    }));
    CHECK(node.Lease("", mount).generation() == 2);
  }
}

// More than one part of a batch.
TEST_CASE("of very many mounts of one process only those with leases drain", "[reload][sharing]") {
  constexpr int kMounts = 600;
  Node node;
  TwoVersions(node, [](PluginSpec& spec) { spec.sharing = Sharing::kGlobal; });
  const auto path = [](int i) { return "m" + std::to_string(1000 + i) + "/"; };
  for (int i = 0; i < kMounts; ++i) node.Mount("", path(i));
  PluginLease first = node.Lease("", path(3)), again = node.Lease("", path(3));
  PluginLease last = node.Lease("", path(kMounts - 1));
  node.Pin("kv", "v2.0.0");
  ReloadRequest request = Everywhere("kv");
  request.drain_timeout = Millis(20);
  const ReloadReport report = node.Reload(request);
  CHECK(report.state == ReloadState::kDraining);
  CHECK(report.reloaded == kMounts);
  REQUIRE(report.mounts.size() == kMounts);
  for (int i = 0; i < kMounts; ++i) {
    const MountReport& mount = report.mounts[static_cast<std::size_t>(i)];
    INFO(mount.mount.path);
    REQUIRE(mount.mount.path == path(i));
    REQUIRE(mount.previous_version == "v1.0.0");
    REQUIRE(mount.running_version == "v2.0.0");
    REQUIRE(mount.previous_generation == 1);
    REQUIRE(mount.generation == 2);
    REQUIRE(mount.instance == report.mounts.front().instance);
    REQUIRE(mount.draining == (i == 3 ? 2 : i == kMounts - 1 ? 1 : 0));
  }
  CHECK(node.host->WaitForMount(EventKind::kMountServing, path(kMounts - 1), 1));
  CHECK(node.plugins.Count("stop") == 0);
  first.Release();
  last.Release();
  CHECK(node.plugins.Count("stop") == 0);
  again.Release();
  const auto ended =
      node.reloads().Wait(report.reload_id, After(kSoon), ReloadCoordinator::Until::kEnd);
  REQUIRE(ended.ok());
  CHECK(ended->state == ReloadState::kDone);
  CHECK(node.plugins.Count("stop", "v1.0.0") == 1);
  CHECK(node.plugins.Count("start", "v2.0.0") == 1);
}

TEST_CASE("a mount that moved out of what was asked for is not swapped with the others",
          "[reload][sharing]") {
  Node node;
  Four(node, Sharing::kGlobal);
  node.Pin("kv", "v2.0.0");
  node.plugins.Hold("v2.0.0");
  const std::string id = node.Submit(InNamespace("a", "kv"));
  CHECK(node.plugins.WaitFor("start", "v2.0.0", 1));
  REQUIRE(node.reloads().Move("a", "two/", "b", "two/").ok());
  node.plugins.Heal("v2.0.0");
  const auto ended = node.reloads().Wait(id, After(kSoon), ReloadCoordinator::Until::kEnd);
  REQUIRE(ended.ok());
  const ReloadReport& report = *ended;
  REQUIRE(report.mounts.size() == 2);
  CHECK(report.mounts[0].outcome == MountOutcome::kReloaded);
  CHECK(report.mounts[1].outcome == MountOutcome::kSkipped);
  CHECK(report.mounts[1].status.reason() == "moved");
  CHECK(node.VersionAt("a", "one/") == "v2.0.0");
  CHECK(node.VersionAt("b", "two/") == "v1.0.0");
}

}  // namespace
}  // namespace plugreload::test
