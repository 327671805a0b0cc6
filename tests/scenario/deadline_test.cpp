#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>

#include "scenario/node.hpp"

namespace plugreload::test {
namespace {

void Start(Node& node, const std::function<void(PluginSpec&)>& tweak = {}) {
  TwoVersions(node, tweak);
  node.Mount("", "kv/");
  node.Pin("kv", "v2.0.0");
}

TEST_CASE("a start that passes its deadline fails the mount and the old one serves",
          "[reload][deadline]") {
  Node node;
  Start(node);
  node.plugins.Hold("v2.0.0");
  ReloadRequest request = Everywhere("kv");
  request.start_timeout = Millis(30);
  const ReloadReport report = node.Reload(request);
  CHECK(report.state == ReloadState::kFailed);
  CHECK(report.mounts.at(0).status.code() == Code::kDeadlineExceeded);
  CHECK(node.VersionAt("", "kv/") == "v1.0.0");
  CHECK(node.plugins.live() == 1);
}

TEST_CASE("the start deadline of the plugin holds when the request has none",
          "[reload][deadline]") {
  Node node;
  Start(node, [](PluginSpec& spec) { spec.timeouts.start = Millis(50); });
  node.plugins.Hold("v2.0.0");
  CHECK(node.Reload(Everywhere("kv")).failed == 1);
}

TEST_CASE("a start that never returns does not hold the reload, and its late object is destroyed",
          "[reload][deadline]") {
  Node node;
  Start(node);
  node.plugins.HoldDeaf("v2.0.0");
  ReloadRequest request = Everywhere("kv");
  request.start_timeout = Millis(30);
  const ReloadReport report = node.Reload(request);
  CHECK(report.mounts.at(0).outcome == MountOutcome::kFailed);
  CHECK(report.mounts.at(0).status.code() == Code::kDeadlineExceeded);
  CHECK(node.VersionAt("", "kv/") == "v1.0.0");
  CHECK(node.plugins.Count("ready", "v2.0.0") == 0);
  node.plugins.HealAll();
  CHECK(node.plugins.WaitFor("ready", "v2.0.0", 1));
  CHECK(node.plugins.WaitFor("destroyed", "v2.0.0", 1));
  CHECK(node.plugins.Count("stop", "v2.0.0") == 1);
  CHECK(node.VersionAt("", "kv/") == "v1.0.0");
  CHECK(node.Reload(Everywhere("kv")).reloaded == 1);
}

TEST_CASE("starts that never return do not use up the starts of other plugins",
          "[reload][deadline]") {
  Node node([](RuntimeOptions& options) { options.max_concurrent_starts = 2; });
  TwoVersions(node);
  node.Register("other", "v1.0.0");
  for (const char* path : {"a/", "b/", "c/"}) node.Mount("", path);
  node.Mount("", "other/", "other");
  node.Pin("kv", "v2.0.0");
  node.plugins.HoldDeaf("v2.0.0");
  ReloadRequest request = Everywhere("kv");
  request.start_timeout = Millis(30);
  CHECK(node.Reload(request).failed == 3);
  CHECK(node.Reload(Everywhere("other")).reloaded == 1);
  node.plugins.HealAll();
}

TEST_CASE("an old instance that does not stop does not hold the reload for ever",
          "[reload][deadline]") {
  Node node;
  Start(node, [](PluginSpec& spec) {
    spec.timeouts.terminate = Millis(10);
    spec.timeouts.kill = Millis(10);
  });
  node.plugins.HoldStop("v1.0.0");
  const ReloadReport report = node.Reload(Everywhere("kv"));
  CHECK(report.mounts.at(0).outcome == MountOutcome::kReloaded);
  CHECK(report.mounts.at(0).running_version == "v2.0.0");
  CHECK(node.VersionAt("", "kv/") == "v2.0.0");
  node.plugins.HealAll();
  CHECK(node.plugins.WaitLive(1));
}

// A host that keeps something per instance, and can fail to make it.
struct Pools {
  std::mutex mutex;
  std::condition_variable changed;
  bool fail = false, hold = false, throws = false;
  std::atomic<int> live{0}, stops_before{0};
  std::function<void()> on_delete;

  Result<std::shared_ptr<void>> Make(const LaunchSpec& spec) {
    std::unique_lock lock(mutex);
    if (spec.plugin.ref.version == "v2.0.0") {
      if (fail) return Status(Code::kResourceExhausted, "no_pool", "no more connections");
      if (throws) throw std::runtime_error("no pool");
      changed.wait_for(lock, kSoon, [&] { return !hold; });
    }
    ++live;
    return std::shared_ptr<void>(new int(1), [this](int* pool) {
      delete pool;
      --live;
      if (on_delete) on_delete();
    });
  }
  void Release() {
    const std::lock_guard lock(mutex);
    hold = false;
    changed.notify_all();
  }
};

std::shared_ptr<HookedHost> HostWith(Pools& pools) {
  auto host = std::make_shared<HookedHost>();
  host->on_attach = [&pools](const LaunchSpec& spec, const InstanceInfo&) {
    return pools.Make(spec);
  };
  return host;
}

TEST_CASE("what the host attached goes after the drain and before the stop", "[reload][attach]") {
  Pools pools;
  {
    Node node({}, nullptr, HostWith(pools));
    pools.on_delete = [&] { pools.stops_before += static_cast<int>(node.plugins.Count("stop")); };
    Start(node);
    PluginLease lease = node.Lease("", "kv/");
    CHECK(*static_cast<int*>(lease.attached()) == 1);
    ReloadRequest request = Everywhere("kv");
    request.drain_timeout = Millis(10);
    const std::string id = node.Reload(request).reload_id;
    CHECK(pools.live == 2);
    CHECK(*static_cast<int*>(lease.attached()) == 1);
    lease.Release();
    node.Wait(id);
    CHECK(pools.live == 1);
    CHECK(node.plugins.Count("stop") == 1);
    CHECK(pools.stops_before == 0);
    pools.on_delete = nullptr;
  }
  CHECK(pools.live == 0);
}

TEST_CASE("an attach that fails fails the start and the old instance serves", "[reload][attach]") {
  Pools pools;
  Node node({}, nullptr, HostWith(pools));
  Start(node);
  pools.fail = true;
  const ReloadReport report = node.Reload(Everywhere("kv"));
  CHECK(report.mounts.at(0).outcome == MountOutcome::kFailed);
  CHECK(report.mounts.at(0).status.reason() == "no_pool");
  CHECK(node.VersionAt("", "kv/") == "v1.0.0");
  CHECK(node.plugins.WaitFor("stop", "v2.0.0", 1));
  CHECK(node.plugins.WaitLive(1));
}

TEST_CASE("an attach that throws fails the start and the old instance serves", "[reload][attach]") {
  Pools pools;
  Node node({}, nullptr, HostWith(pools));
  Start(node);
  pools.throws = true;
  const ReloadReport report = node.Reload(Everywhere("kv"));
  CHECK(report.mounts.at(0).status.code() == Code::kInternal);
  CHECK(node.VersionAt("", "kv/") == "v1.0.0");
  CHECK(node.plugins.WaitLive(1));
}

TEST_CASE("an attach that passes its deadline fails the start and its late object goes",
          "[reload][attach]") {
  Pools pools;
  Node node({}, nullptr, HostWith(pools));
  Start(node, [](PluginSpec& spec) { spec.timeouts.attach = Millis(30); });
  pools.hold = true;
  const ReloadReport report = node.Reload(Everywhere("kv"));
  CHECK(report.mounts.at(0).outcome == MountOutcome::kFailed);
  CHECK(report.mounts.at(0).status.code() == Code::kDeadlineExceeded);
  CHECK(node.VersionAt("", "kv/") == "v1.0.0");
  pools.Release();
  CHECK(node.plugins.WaitFor("stop", "v2.0.0", 1));
  CHECK(Eventually([&] { return pools.live == 1; }));
  CHECK(node.plugins.WaitLive(1));
}

}  // namespace
}  // namespace plugreload::test
