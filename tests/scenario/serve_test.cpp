#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "scenario/node.hpp"

namespace plugreload::test {
namespace {

TEST_CASE("a mount serves what its version resolves to", "[reload][mount]") {
  Node node;
  node.Register("kv", "v1.0.0");
  node.Register("kv", "v1.2.0");
  const MountEntry mounted = node.Mount("", "kv/");
  CHECK(mounted.version == "v1.2.0");
  CHECK_FALSE(mounted.accessor.empty());
  const PluginLease lease = node.Lease("", "kv/data/x", Millis(0));
  CHECK(lease.version() == "v1.2.0");
  CHECK(Node::Object(lease).Serve());
}

TEST_CASE("a mount may ask for an older version than the highest", "[reload][mount]") {
  Node node;
  node.Register("kv", "v1.0.0");
  node.Register("kv", "v2.0.0");
  node.Mount("", "kv/", "kv", [](MountEntry& entry) { entry.version = "v1.0.0"; });
  CHECK(node.VersionAt("", "kv/x") == "v1.0.0");
}

TEST_CASE("a lease tells mount, rest, version, generation, instance and what the host attached",
          "[reload][lease]") {
  auto host = std::make_shared<HookedHost>();
  const auto attached = std::make_shared<int>(7);
  host->on_attach = [&](const LaunchSpec&, const InstanceInfo&) {
    return Result<std::shared_ptr<void>>(attached);
  };
  Node node({}, nullptr, host);
  node.Register("kv", "v1.0.0");
  node.Create("team");
  const MountEntry mounted = node.Mount("team", "kv/", "kv", [](MountEntry& entry) {
    entry.options = {{"color", "red"}};
    entry.description = "of the team";
  });
  const std::string path = "kv/a/b";
  PluginLease lease = node.Lease("team", path);
  REQUIRE(lease.held());
  CHECK(lease.mount() == mounted);
  CHECK(lease.mount().ns == "team/");
  CHECK(lease.rest() == "a/b");
  CHECK(lease.version() == "v1.0.0");
  CHECK(lease.generation() == 1);
  CHECK(lease.instance().pid == 0);
  CHECK_FALSE(lease.instance_name().empty());
  CHECK(lease.attached() == attached.get());
  CHECK(Node::Object(lease).spec().mount.options.at("color") == "red");
  CHECK(Node::Object(lease).spec().instance == lease.instance_name());
  lease.Release();
  CHECK_FALSE(lease.held());
  lease.Release();
}

TEST_CASE("the rest of a path may be empty", "[reload][lease]") {
  Node node;
  node.Register("kv", "v1.0.0");
  node.Mount("", "kv/");
  CHECK(node.Lease("", "kv/").rest().empty());
}

TEST_CASE("the longest mount prefix wins", "[reload][lease]") {
  Node node;
  node.Register("kv", "v1.0.0");
  node.Mount("", "kv-a/");
  node.Mount("", "kv-b/deep/");
  CHECK(node.Lease("", "kv-b/deep/x").mount().path == "kv-b/deep/");
  CHECK(node.reloads().Acquire("", "kv-b/x", Millis(0)).status().reason() == "mount_not_found");
}

TEST_CASE("a path leads on into child namespaces", "[reload][lease]") {
  Node node;
  node.Register("kv", "v1.0.0");
  node.Create("team");
  node.Create("team/project");
  node.Mount("team/project", "kv/");
  const PluginLease lease = node.Lease("team", "project/kv/x");
  CHECK(lease.mount().ns == "team/project/");
  CHECK(lease.rest() == "x");
  CHECK(node.Lease("", "team/project/kv/y").rest() == "y");
  CHECK(node.Lease("/team/project/", "kv/z").rest() == "z");
}

TEST_CASE("an auth mount lives below auth/", "[reload][mount]") {
  Node node;
  node.Register("ldap", "v1.0.0", [](PluginSpec& spec) { spec.ref.type = PluginType::kAuth; });
  node.Mount("", "auth/corp/", "ldap", [](MountEntry& e) { e.type = PluginType::kAuth; });
  CHECK(node.Lease("", "auth/corp/login/bob").rest() == "login/bob");
}

TEST_CASE("a lease may be moved, and released on another thread", "[reload][lease]") {
  Node node;
  node.Register("kv", "v1.0.0");
  node.Mount("", "kv/");
  PluginLease lease = node.Lease("", "kv/x");
  PluginLease moved = std::move(lease);
  CHECK_FALSE(lease.held());  // NOLINT(bugprone-use-after-move)
  REQUIRE(moved.held());
  std::thread([held = std::move(moved)]() mutable { held.Release(); }).join();
  // The unmount would not end in time if the release had been lost.
  CHECK(node.reloads().Unmount("", "kv", After(kSoon)).ok());
}

TEST_CASE("assigning over a held lease releases it", "[reload][lease]") {
  Node node;
  node.Register("kv", "v1.0.0");
  node.Mount("", "a/");
  node.Mount("", "b/");
  PluginLease lease = node.Lease("", "a/");
  lease = node.Lease("", "b/");
  CHECK(lease.mount().path == "b/");
  CHECK(node.reloads().Unmount("", "a/", After(kSoon)).ok());
}

TEST_CASE("an unmount waits for the leases, then stops the instance", "[reload][mount]") {
  Node node;
  node.Register("kv", "v1.0.0");
  node.Mount("", "kv/");
  PluginLease lease = node.Lease("", "kv/x");
  Status unmounted;
  std::thread unmounting([&] { unmounted = node.reloads().Unmount("", "kv/", After(kSoon)); });
  CHECK(Eventually([&] { return !node.namespaces().FindMount("", "kv/").has_value(); }));
  CHECK(node.plugins.Count("stop") == 0);
  CHECK(Node::Object(lease).Serve());
  lease.Release();
  unmounting.join();
  CHECK(unmounted.ToString() == "OK");
  CHECK(node.plugins.Count("stop") == 1);
  CHECK(node.plugins.WaitLive(0));
}

TEST_CASE("an unmount that meets its deadline has unmounted, and drains behind",
          "[reload][mount]") {
  Node node;
  node.Register("kv", "v1.0.0");
  node.Mount("", "kv/");
  PluginLease lease = node.Lease("", "kv/x");
  const Status status = node.reloads().Unmount("", "kv/", After(Millis(20)));
  CHECK(status.code() == Code::kDeadlineExceeded);
  CHECK(status.reason() == "draining");
  CHECK_FALSE(node.namespaces().FindMount("", "kv/").has_value());
  CHECK(node.reloads().Acquire("", "kv/x", Millis(0)).status().reason() == "mount_not_found");
  CHECK(node.plugins.Count("stop") == 0);
  lease.Release();
  CHECK(node.plugins.WaitLive(0));
}

TEST_CASE("a mount can be made again after it was unmounted", "[reload][mount]") {
  Node node;
  node.Register("kv", "v1.0.0");
  const MountEntry first = node.Mount("", "kv/");
  REQUIRE(node.reloads().Unmount("", "kv/", After(kSoon)).ok());
  const MountEntry second = node.Mount("", "kv/");
  CHECK(first.accessor != second.accessor);
  CHECK(Node::Object(node.Lease("", "kv/x")).Serve());
}

TEST_CASE("a runtime tells the state of its mounts", "[reload][state]") {
  Node node;
  TwoVersions(node);
  node.Create("team");
  node.Mount("", "kv/");
  node.Mount("team", "kv/");
  node.Mount("team", "lazy/", "kv", [](MountEntry& entry) { entry.start = StartMode::kLazy; });
  CHECK(node.reloads().State("", Reach::kNamespace).size() == 1);
  const std::vector<MountStatus> all = node.reloads().State("", Reach::kSubtree);
  REQUIRE(all.size() == 3);
  CHECK(all[0].mount.ns.empty());
  CHECK(all[0].state == MountState::kServing);
  CHECK(all[0].running_version == "v1.0.0");
  CHECK(all[0].generation == 1);
  CHECK(all[0].error.ok());
  CHECK(all[1].mount.path == "kv/");
  CHECK(all[2].state == MountState::kIdle);
  CHECK(all[2].generation == 0);
  CHECK(node.reloads().InUse({PluginType::kSecret, "kv", "v1.0.0"}).size() == 3);
  CHECK(node.reloads().InUse({PluginType::kSecret, "kv", "v2.0.0"}).empty());
}

}  // namespace
}  // namespace plugreload::test
