#include <string>
#include <thread>
#include <vector>

#include "scenario/node.hpp"

namespace plugreload::test {
namespace {

void StopFirst(PluginSpec& spec) { spec.order = Order::kStopFirst; }

// kv/ runs v1, v2 is pinned, and the plugin holds a port, say.
void OneMount(Node& node) {
  TwoVersions(node, StopFirst);
  node.Mount("", "kv/");
  node.Pin("kv", "v2.0.0");
}

std::string Story(const Node& node) {
  std::string story;
  for (const Happening& happening : node.plugins.journal()) {
    if (happening.what == "destroyed") continue;
    story += (story.empty() ? "" : ", ") + happening.what + " " + happening.version;
  }
  return story;
}

TEST_CASE("stop_first stops the old instance before it starts the new one", "[reload][order]") {
  Node node;
  OneMount(node);
  const ReloadReport report = node.Reload(Everywhere("kv"));
  CHECK(report.state == ReloadState::kDone);
  CHECK(report.mounts.at(0).generation == 2);
  CHECK(Story(node) == "start v1.0.0, ready v1.0.0, stop v1.0.0, start v2.0.0, ready v2.0.0");
}

TEST_CASE("start_first starts the new instance before it stops the old one", "[reload][order]") {
  Node node;
  OneMount(node);
  ReloadRequest request = Everywhere("kv");
  request.order = Order::kStartFirst;
  CHECK(node.Reload(request).reloaded == 1);
  CHECK(Story(node) == "start v1.0.0, ready v1.0.0, start v2.0.0, ready v2.0.0, stop v1.0.0");
}

TEST_CASE("requests wait while stop_first replaces an instance, then succeed", "[reload][order]") {
  Node node;
  OneMount(node);
  node.plugins.Hold("v2.0.0");
  const std::string id = node.Submit(Everywhere("kv"));
  CHECK(node.plugins.WaitFor("start", "v2.0.0", 1));
  CHECK(node.StateOf("", "kv/").state == MountState::kHeld);
  const Status status = node.reloads().Acquire("", "kv/", Millis(5)).status();
  CHECK(status.code() == Code::kDeadlineExceeded);
  CHECK(status.reason() == "not_ready");
  std::vector<std::string> versions(3);
  {
    std::vector<std::jthread> waiting;
    for (std::string& version : versions) {
      waiting.emplace_back([&] {
        auto lease = node.reloads().Acquire("", "kv/", kSoon);
        version = lease.ok() ? std::string(lease->version()) : lease.status().ToString();
      });
    }
    node.plugins.HealAll();
  }
  CHECK(versions == std::vector<std::string>(3, "v2.0.0"));
  CHECK(node.Wait(id).reloaded == 1);
}

TEST_CASE("stop_first waits for the old leases before it stops", "[reload][order]") {
  Node node;
  OneMount(node);
  PluginLease lease = node.Lease("", "kv/");
  const std::string id = node.Submit(Everywhere("kv"));
  CHECK(Eventually([&] { return node.StateOf("", "kv/").state == MountState::kHeld; }));
  CHECK(node.plugins.Count("stop") == 0);
  CHECK(node.plugins.Count("start", "v2.0.0") == 0);
  CHECK(Node::Object(lease).Serve());
  lease.Release();
  CHECK(node.Wait(id).reloaded == 1);
}

TEST_CASE("when the drain of stop_first meets its deadline the old instance serves on",
          "[reload][order]") {
  Node node;
  OneMount(node);
  PluginLease lease = node.Lease("", "kv/");
  const std::uint64_t serial = Node::Object(lease).serial();
  ReloadRequest request = Everywhere("kv");
  request.drain_timeout = Millis(20);
  const ReloadReport report = node.Reload(request);
  CHECK(report.state == ReloadState::kFailed);
  const MountReport& mount = report.mounts.at(0);
  CHECK(mount.outcome == MountOutcome::kFailed);
  CHECK(mount.status.code() == Code::kDeadlineExceeded);
  CHECK(mount.draining == 1);
  CHECK(mount.running_version == "v1.0.0");
  CHECK(node.SerialAt("", "kv/") == serial);
  CHECK(node.StateOf("", "kv/").state == MountState::kServing);
  CHECK(node.plugins.Count("stop") == 0);
  CHECK(node.plugins.Count("start", "v2.0.0") == 0);
  CHECK(Node::Object(lease).Serve());
  lease.Release();
  // Neither its failure nor the late release may cost the mount its instance.
  CHECK(node.SerialAt("", "kv/") == serial);
  CHECK(node.Reload(Everywhere("kv")).reloaded == 1);
  CHECK(node.VersionAt("", "kv/") == "v2.0.0");
}

TEST_CASE("a forced stop_first goes on at the drain deadline", "[reload][order]") {
  Node node;
  OneMount(node);
  PluginLease lease = node.Lease("", "kv/");
  ReloadRequest request = Everywhere("kv");
  request.drain_timeout = Millis(20);
  request.force = true;
  const ReloadReport report = node.Reload(request);
  CHECK(report.mounts.at(0).outcome == MountOutcome::kReloaded);
  CHECK(node.VersionAt("", "kv/") == "v2.0.0");
  CHECK(node.plugins.Count("stop", "v1.0.0") == 1);
  lease.Release();
}

TEST_CASE("when the new version does not start, stop_first starts the previous one again, once",
          "[reload][order]") {
  Node node;
  OneMount(node);
  node.plugins.Fail("v2.0.0", "port_in_use");
  const ReloadReport report = node.Reload(Everywhere("kv"));
  CHECK(report.state == ReloadState::kFailed);
  const MountReport& mount = report.mounts.at(0);
  CHECK(mount.outcome == MountOutcome::kFailed);
  CHECK(mount.status.reason() == "port_in_use");
  CHECK(mount.running_version == "v1.0.0");
  CHECK(mount.generation > mount.previous_generation);
  CHECK(node.VersionAt("", "kv/") == "v1.0.0");
  CHECK(Story(node) ==
        "start v1.0.0, ready v1.0.0, stop v1.0.0, start v2.0.0, failed v2.0.0, start v1.0.0, "
        "ready v1.0.0");
}

TEST_CASE("requests that wait while stop_first goes back are served by the previous version",
          "[reload][order]") {
  Node node;
  OneMount(node);
  node.plugins.Hold("v2.0.0");
  const std::string id = node.Submit(Everywhere("kv"));
  CHECK(node.plugins.WaitFor("start", "v2.0.0", 1));
  std::string version;
  {
    std::jthread waiting([&] {
      auto lease = node.reloads().Acquire("", "kv/", kSoon);
      version = lease.ok() ? std::string(lease->version()) : lease.status().ToString();
    });
    node.plugins.Fail("v2.0.0");
  }
  CHECK(version == "v1.0.0");
  CHECK(node.Wait(id).failed == 1);
}

TEST_CASE("when neither version starts the mount says so until a reload brings it back",
          "[reload][order]") {
  Node node([](RuntimeOptions& options) { options.restart.limit = 1; });
  OneMount(node);
  node.plugins.Fail("");
  const ReloadReport report = node.Reload(Everywhere("kv"));
  CHECK(report.mounts.at(0).outcome == MountOutcome::kFailed);
  CHECK(node.host->WaitForMount(EventKind::kMountFailed, "kv/"));
  const Status status = node.reloads().Acquire("", "kv/", kSoon).status();
  CHECK(status.code() == Code::kUnavailable);
  CHECK(status.reason() == "mount_failed");
  CHECK(node.StateOf("", "kv/").state == MountState::kFailed);
  node.plugins.HealAll();
  CHECK(node.Reload(Everywhere("kv")).reloaded == 1);
  CHECK(node.VersionAt("", "kv/") == "v2.0.0");
}

TEST_CASE("stop_first is refused for an instance that serves mounts outside the request",
          "[reload][order]") {
  Node node;
  TwoVersions(node, [](PluginSpec& spec) {
    spec.order = Order::kStopFirst;
    spec.sharing = Sharing::kGlobal;
  });
  node.Create("a");
  node.Mount("", "kv/");
  node.Mount("a", "kv/");
  node.Pin("kv", "v2.0.0");
  auto result = node.reloads().Reload(InNamespace("a", "kv"));
  const Status status = result.ok() ? result->mounts.at(0).status : result.status();
  CHECK(status.code() == Code::kFailedPrecondition);
  CHECK(node.VersionAt("a", "kv/") == "v1.0.0");
  CHECK(node.VersionAt("", "kv/") == "v1.0.0");
  CHECK(node.plugins.Count("stop") == 0);
  CHECK(node.plugins.Count("start") == 1);
  // All of them together may go.
  CHECK(node.Reload(Everywhere("kv")).reloaded == 2);
  CHECK(node.VersionAt("a", "kv/") == "v2.0.0");
  CHECK(node.plugins.Count("start") == 2);
}

}  // namespace
}  // namespace plugreload::test
