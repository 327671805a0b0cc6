#include <string>

#include "scenario/node.hpp"

namespace plugreload::test {
namespace {

// kv/ runs v1, v2 is pinned, and the plugin holds a port, say.
void OneMount(Node& node) {
  TwoVersions(node, [](PluginSpec& spec) { spec.order = Order::kStopFirst; });
  node.Mount("", "kv/");
  node.Pin("kv", "v2.0.0");
}

TEST_CASE("an old instance that dies while stop_first drains it does no harm", "[reload][order]") {
  Node node;
  OneMount(node);
  PluginLease lease = node.Lease("", "kv/");
  const std::string id = node.Submit(Everywhere("kv"));
  REQUIRE(Eventually([&] { return node.StateOf("", "kv/").state == MountState::kHeld; }));
  REQUIRE(node.plugins.Kill(Node::Object(lease).serial()));
  CHECK(node.host->WaitEvent(EventKind::kInstanceFailed).has_value());
  lease.Release();
  CHECK(node.Wait(id).reloaded == 1);
  CHECK(node.VersionAt("", "kv/") == "v2.0.0");
  CHECK(node.plugins.WaitLive(1));
}

TEST_CASE("an old instance that dies under a drain that fails is started again",
          "[reload][order]") {
  Node node;
  OneMount(node);
  PluginLease lease = node.Lease("", "kv/");
  ReloadRequest request = Everywhere("kv");
  request.drain_timeout = Millis(300);
  const std::string id = node.Submit(request);
  REQUIRE(Eventually([&] { return node.StateOf("", "kv/").state == MountState::kHeld; }));
  const std::uint64_t old = Node::Object(lease).serial();
  REQUIRE(node.plugins.Kill(old));
  CHECK(node.Wait(id).finished_at_ms > 0);
  // Whichever of the two versions it is: the mount must not stay without an instance.
  CHECK(Eventually([&] {
    auto next = node.reloads().Acquire("", "kv/", kSoon);
    return next.ok() && Node::Object(*next).serial() != old;
  }));
  lease.Release();
}

TEST_CASE("a new instance of stop_first that dies at once is started again", "[reload][order]") {
  Node node;
  OneMount(node);
  CHECK(node.Reload(Everywhere("kv")).reloaded == 1);
  const std::uint64_t serial = node.SerialAt("", "kv/");
  REQUIRE(node.plugins.Kill(serial));
  CHECK(node.host->WaitForMount(EventKind::kMountServing, "kv/", 2));
  CHECK(node.VersionAt("", "kv/") == "v2.0.0");
}

TEST_CASE("a failed stop_first reload of a mount whose instance is down lets it go on restarting",
          "[reload][order]") {
  Node node([](RuntimeOptions& options) { options.restart.first = options.restart.max = kSoon; });
  OneMount(node);
  REQUIRE(node.plugins.Kill(node.SerialAt("", "kv/")));
  REQUIRE(Eventually([&] { return node.StateOf("", "kv/").state == MountState::kRestarting; }));
  node.plugins.Fail("v2.0.0");
  CHECK(node.Reload(Everywhere("kv")).failed == 1);
  CHECK(node.StateOf("", "kv/").state != MountState::kFailed);
}

TEST_CASE("a failed start_first reload of a mount whose instance is down lets it go on restarting",
          "[reload][order]") {
  Node node([](RuntimeOptions& options) { options.restart.first = options.restart.max = kSoon; });
  OneMount(node);
  REQUIRE(node.plugins.Kill(node.SerialAt("", "kv/")));
  REQUIRE(Eventually([&] { return node.StateOf("", "kv/").state == MountState::kRestarting; }));
  node.plugins.Fail("v2.0.0");
  ReloadRequest request = Everywhere("kv");
  request.order = Order::kStartFirst;
  CHECK(node.Reload(request).failed == 1);
  CHECK(node.StateOf("", "kv/").state == MountState::kRestarting);
}

TEST_CASE("a mount made while stop_first holds a shared instance does not keep that alive",
          "[reload][order]") {
  Node node;
  TwoVersions(node, [](PluginSpec& spec) {
    spec.order = Order::kStopFirst;
    spec.sharing = Sharing::kGlobal;
    spec.timeouts.terminate = spec.timeouts.kill = Millis(50);
  });
  node.Mount("", "kv/");
  PluginLease lease = node.Lease("", "kv/");
  const std::string id = node.Submit(Everywhere("kv"));
  REQUIRE(Eventually([&] { return node.StateOf("", "kv/").state == MountState::kHeld; }));
  // It may wait for the reload, be refused, or get an instance of its own.
  MountEntry late;
  late.path = "late/";
  late.plugin = "kv";
  const Status mounted = node.reloads().Mount(late, After(Millis(500))).status();
  lease.Release();
  node.Wait(id);
  INFO(mounted.ToString());
  CHECK(node.plugins.WaitFor("stop", "", 1));
  CHECK(Node::Object(node.Lease("", "kv/")).Serve());
  if (mounted.ok()) CHECK(Node::Object(node.Lease("", "late/")).Serve());
  // The first instance is gone before the reload starts the one that takes its place.
  bool stopped = false, early = false;
  for (const Happening& happening : node.plugins.journal()) {
    stopped = stopped || (happening.what == "stop" && happening.serial == 1);
    early = early || (happening.what == "start" && happening.mount == "kv/" &&
                      happening.serial > 1 && !stopped);
  }
  CHECK_FALSE(early);
}

}  // namespace
}  // namespace plugreload::test
