#include <string>
#include <thread>

#include "scenario/node.hpp"

namespace plugreload::test {
namespace {

void Limit2(RuntimeOptions& options) { options.restart.limit = 2; }

void Start(Node& node) {
  TwoVersions(node);
  node.Mount("", "kv/");
}

TEST_CASE("an instance that dies is started again as a new generation", "[reload][crash]") {
  Node node;
  Start(node);
  const std::uint64_t old = node.SerialAt("", "kv/");
  REQUIRE(node.plugins.Kill(old));
  CHECK(node.host->WaitEvent(EventKind::kInstanceFailed).has_value());
  CHECK(node.host->WaitForMount(EventKind::kMountServing, "kv/", 1));
  const PluginLease lease = node.Lease("", "kv/");
  CHECK(lease.generation() == 2);
  CHECK(lease.version() == "v1.0.0");
  CHECK(Node::Object(lease).serial() != old);
  CHECK(node.plugins.WaitFor("destroyed", "v1.0.0", 1));
  CHECK(node.StateOf("", "kv/").restarts >= 1);
}

TEST_CASE("the event of a crash tells how the instance ended", "[reload][crash]") {
  Node node;
  Start(node);
  const std::string name(node.Lease("", "kv/").instance_name());
  REQUIRE(node.plugins.Kill(node.SerialAt("", "kv/")));
  const auto event = node.host->WaitEvent(EventKind::kInstanceFailed);
  REQUIRE(event.has_value());
  CHECK(event->instance == name);
  CHECK(event->plugin == "secret/kv v1.0.0");
  CHECK(event->message.find("somebody killed it") != std::string::npos);
}

TEST_CASE("requests wait while a dead instance is started again", "[reload][crash]") {
  Node node;
  Start(node);
  const std::uint64_t old = node.SerialAt("", "kv/");
  node.plugins.Hold("v1.0.0");
  REQUIRE(node.plugins.Kill(old));
  CHECK(node.plugins.WaitFor("start", "v1.0.0", 2));
  CHECK(node.StateOf("", "kv/").state == MountState::kRestarting);
  const Status status = node.reloads().Acquire("", "kv/", Millis(5)).status();
  CHECK(status.code() == Code::kDeadlineExceeded);
  CHECK(status.reason() == "not_ready");
  std::string version;
  {
    std::jthread waiting([&] {
      auto lease = node.reloads().Acquire("", "kv/", kSoon);
      version = lease.ok() ? std::string(lease->version()) : lease.status().ToString();
    });
    node.plugins.HealAll();
  }
  CHECK(version == "v1.0.0");
}

TEST_CASE("a lease on an instance that dies stays valid until it is released", "[reload][crash]") {
  Node node;
  Start(node);
  PluginLease lease = node.Lease("", "kv/");
  const std::string name(lease.instance_name());
  REQUIRE(node.plugins.Kill(Node::Object(lease).serial()));
  CHECK(node.host->WaitForMount(EventKind::kMountServing, "kv/", 1));
  CHECK(lease.held());
  CHECK(lease.generation() == 1);
  CHECK(lease.instance_name() == name);
  CHECK(node.Lease("", "kv/").generation() == 2);
  lease.Release();
  CHECK(node.plugins.WaitFor("destroyed", "v1.0.0", 1));
}

TEST_CASE("a mount whose restarts fail is failed at the limit and says why", "[reload][crash]") {
  Node node(Limit2);
  Start(node);
  node.plugins.Fail("v1.0.0", "bad_config");
  REQUIRE(node.plugins.Kill(node.SerialAt("", "kv/")));
  CHECK(node.host->WaitForMount(EventKind::kMountFailed, "kv/"));
  const Status status = node.reloads().Acquire("", "kv/", kSoon).status();
  CHECK(status.code() == Code::kUnavailable);
  CHECK(status.reason() == "mount_failed");
  CHECK(status.message().find("the plugin does not want to") != std::string_view::npos);
  const MountStatus state = node.StateOf("", "kv/");
  CHECK(state.state == MountState::kFailed);
  CHECK(state.error.reason() == "bad_config");
  CHECK(node.plugins.Count("failed", "v1.0.0") >= 1);
  CHECK(node.plugins.Count("failed", "v1.0.0") <= 2);
}

TEST_CASE("requests that wait are told at once when the mount fails for good", "[reload][crash]") {
  Node node(Limit2);
  Start(node);
  node.plugins.Hold("v1.0.0");
  REQUIRE(node.plugins.Kill(node.SerialAt("", "kv/")));
  REQUIRE(node.plugins.WaitFor("start", "v1.0.0", 2));
  Status status;
  {
    std::jthread waiting([&] { status = node.reloads().Acquire("", "kv/", 100 * kSoon).status(); });
    node.plugins.Fail("v1.0.0");
  }
  CHECK(status.reason() == "mount_failed");
}

TEST_CASE("a reload brings a failed mount back", "[reload][crash]") {
  Node node(Limit2);
  Start(node);
  node.plugins.Fail("v1.0.0");
  REQUIRE(node.plugins.Kill(node.SerialAt("", "kv/")));
  REQUIRE(node.host->WaitForMount(EventKind::kMountFailed, "kv/"));
  node.Pin("kv", "v2.0.0");
  const ReloadReport report = node.Reload(Everywhere("kv"));
  CHECK(report.reloaded == 1);
  CHECK(report.mounts.at(0).running_version == "v2.0.0");
  CHECK(node.VersionAt("", "kv/") == "v2.0.0");
  CHECK(node.StateOf("", "kv/").state == MountState::kServing);
}

TEST_CASE("an instance that dies again and again meets the limit too", "[reload][crash]") {
  Node node([](RuntimeOptions& options) { options.restart.limit = 3; });
  Start(node);
  std::size_t kills = 0;
  for (; kills < 10 && node.StateOf("", "kv/").state != MountState::kFailed; ++kills) {
    auto lease = node.reloads().Acquire("", "kv/", kSoon);
    if (!lease.ok()) break;
    const std::uint64_t generation = lease->generation();
    const std::uint64_t serial = Node::Object(*lease).serial();
    lease->Release();
    node.plugins.Kill(serial);
    REQUIRE(Eventually([&] {
      const MountStatus state = node.StateOf("", "kv/");
      return state.state == MountState::kFailed || state.generation > generation;
    }));
  }
  CHECK(kills >= 3);
  CHECK(kills <= 4);
  CHECK(node.StateOf("", "kv/").state == MountState::kFailed);
}

TEST_CASE("a restart runs the version that ran; a pin waits for a reload", "[reload][crash]") {
  Node node;
  Start(node);
  node.Pin("kv", "v2.0.0");
  REQUIRE(node.plugins.Kill(node.SerialAt("", "kv/")));
  CHECK(node.host->WaitForMount(EventKind::kMountServing, "kv/", 1));
  CHECK(node.VersionAt("", "kv/") == "v1.0.0");
  node.Reload(Everywhere("kv"));
  CHECK(node.VersionAt("", "kv/") == "v2.0.0");
}

TEST_CASE("a reload of a mount whose instance is down starts it at once", "[reload][crash]") {
  Node node([](RuntimeOptions& options) { options.restart.first = options.restart.max = kSoon; });
  Start(node);
  REQUIRE(node.plugins.Kill(node.SerialAt("", "kv/")));
  CHECK(Eventually([&] { return node.StateOf("", "kv/").state == MountState::kRestarting; }));
  CHECK(node.Reload(Everywhere("kv")).reloaded == 1);
  CHECK(Node::Object(node.Lease("", "kv/", Millis(0))).Serve());
  CHECK(node.plugins.Count("start") == 2);
}

TEST_CASE("an instance that dies during the reload that replaces it does no harm",
          "[reload][crash]") {
  Node node;
  Start(node);
  const std::uint64_t old = node.SerialAt("", "kv/");
  node.Pin("kv", "v2.0.0");
  node.plugins.Hold("v2.0.0");
  const std::string id = node.Submit(Everywhere("kv"));
  REQUIRE(node.plugins.WaitFor("start", "v2.0.0", 1));
  REQUIRE(node.plugins.Kill(old));
  CHECK(node.host->WaitEvent(EventKind::kInstanceFailed).has_value());
  node.plugins.HealAll();
  CHECK(node.Wait(id).reloaded == 1);
  CHECK(node.VersionAt("", "kv/") == "v2.0.0");
  CHECK(node.plugins.WaitLive(1));
  CHECK(node.StateOf("", "kv/").state == MountState::kServing);
}

TEST_CASE("an instance that dies while it drains does not touch the mount any more",
          "[reload][crash]") {
  Node node;
  Start(node);
  PluginLease lease = node.Lease("", "kv/");
  ReloadRequest request = Everywhere("kv");
  request.drain_timeout = Millis(10);
  const std::string id = node.Reload(request).reload_id;
  REQUIRE(node.plugins.Kill(Node::Object(lease).serial()));
  CHECK(node.host->WaitEvent(EventKind::kInstanceFailed).has_value());
  lease.Release();
  CHECK(node.Wait(id).state == ReloadState::kDone);
  CHECK(node.Lease("", "kv/").generation() == 2);
  CHECK(node.plugins.Count("start") == 2);
}

TEST_CASE("a new instance that dies before it is committed fails the reload or is started again",
          "[reload][crash]") {
  Node node;
  Start(node);
  node.Pin("kv", "v1.0.0");
  node.Mount("", "second/");
  node.Pin("kv", "v2.0.0");
  node.plugins.Hold("v2.0.0@second/");
  ReloadRequest request = Everywhere("kv");
  request.policy = Policy::kAllOrNothing;
  const std::string id = node.Submit(request);
  REQUIRE(node.plugins.WaitFor("ready", "v2.0.0@kv/", 1));
  std::uint64_t ready = 0;
  for (const Happening& happening : node.plugins.journal()) {
    if (happening.what == "ready" && happening.version == "v2.0.0") ready = happening.serial;
  }
  REQUIRE(node.plugins.Kill(ready));
  node.plugins.HealAll();
  const ReloadReport report = node.Wait(id);
  CHECK((report.reloaded == 0 || report.reloaded == 2));
  // Whatever was decided, nobody is served by the dead one.
  CHECK(Eventually([&] {
    auto lease = node.reloads().Acquire("", "kv/", kSoon);
    return lease.ok() && Node::Object(*lease).serial() != ready;
  }));
}

TEST_CASE("a mount may be removed while its restart waits", "[reload][crash]") {
  Node node([](RuntimeOptions& options) { options.restart.first = options.restart.max = kSoon; });
  Start(node);
  REQUIRE(node.plugins.Kill(node.SerialAt("", "kv/")));
  CHECK(Eventually([&] { return node.StateOf("", "kv/").state == MountState::kRestarting; }));
  CHECK(node.reloads().Unmount("", "kv/", After(kSoon)).ok());
  CHECK(node.plugins.WaitLive(0));
  CHECK(node.plugins.Count("start") == 1);
}

}  // namespace
}  // namespace plugreload::test
