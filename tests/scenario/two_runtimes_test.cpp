#include <memory>
#include <string>
#include <thread>

#include "scenario/node.hpp"

namespace plugreload::test {
namespace {

// Two nodes of a cluster: two runtimes on one store.
struct Pair {
  std::shared_ptr<StateStore> store = NewMemoryStore();
  Node a{Named("a"), store};
  Node b{Named("b"), store};

  static Node::Tweak Named(const std::string& name) {
    return [name](RuntimeOptions& options) { options.node = name; };
  }
};

bool Serves(Node& node, const std::string& ns, const std::string& path,
            const std::string& version) {
  return Eventually([&] {
    auto lease = node.reloads().Acquire(ns, path, kSoon);
    return lease.ok() && lease->version() == version;
  });
}

TEST_CASE("runtimes on one store see each other's plugins and pins", "[runtime][cluster]") {
  Pair pair;
  pair.a.Register("kv", "v1.0.0");
  CHECK(Eventually([&] {
    return pair.b.registry().Find({PluginType::kSecret, "kv", "v1.0.0"}).has_value();
  }));
  pair.b.Register("kv", "v2.0.0");
  pair.b.Pin("kv", "v2.0.0");
  CHECK(
      Eventually([&] { return pair.a.registry().FindPin(PluginType::kSecret, "kv").has_value(); }));
  Node::Must(pair.a.registry().Unpin(PluginType::kSecret, "kv"));
  CHECK(Eventually(
      [&] { return !pair.b.registry().FindPin(PluginType::kSecret, "kv").has_value(); }));
}

TEST_CASE("runtimes on one store see each other's namespaces", "[runtime][cluster]") {
  Pair pair;
  pair.a.Create("team");
  CHECK(Eventually([&] { return pair.b.namespaces().Find("team").has_value(); }));
  CHECK(pair.a.namespaces().Find("team")->id == pair.b.namespaces().Find("team")->id);
  Node::Must(pair.b.namespaces().Remove("team"));
  CHECK(Eventually([&] { return !pair.a.namespaces().Find("team").has_value(); }));
}

TEST_CASE("a mount on one runtime starts on the other", "[runtime][cluster]") {
  Pair pair;
  pair.a.Register("kv", "v1.0.0");
  pair.a.Create("team");
  const MountEntry mounted = pair.a.Mount("team", "kv/");
  CHECK(Serves(pair.b, "team", "kv/x", "v1.0.0"));
  CHECK(pair.b.Lease("team", "kv/x").mount() == mounted);
  CHECK(pair.a.plugins.Count("start") == 1);
  CHECK(pair.b.plugins.Count("start") == 1);
  CHECK(Node::Object(pair.b.Lease("team", "kv/x")).Serve());
}

TEST_CASE("an unmount on one runtime drains and stops on the other", "[runtime][cluster]") {
  Pair pair;
  pair.a.Register("kv", "v1.0.0");
  pair.a.Mount("", "kv/");
  REQUIRE(Serves(pair.b, "", "kv/", "v1.0.0"));
  PluginLease lease = pair.b.Lease("", "kv/");
  Node::Must(pair.a.reloads().Unmount("", "kv/", After(kSoon)));
  CHECK(Eventually([&] { return !pair.b.namespaces().FindMount("", "kv/").has_value(); }));
  CHECK(Node::Object(lease).Serve());
  CHECK(pair.b.plugins.Count("stop") == 0);
  lease.Release();
  CHECK(pair.b.plugins.WaitLive(0));
}

TEST_CASE("a move on one runtime is a move on the other", "[runtime][cluster]") {
  Pair pair;
  pair.a.Register("kv", "v1.0.0");
  pair.a.Mount("", "kv/");
  REQUIRE(Serves(pair.b, "", "kv/", "v1.0.0"));
  const std::uint64_t serial = pair.b.SerialAt("", "kv/");
  Node::Must(pair.a.reloads().Move("", "kv/", "", "moved/"));
  CHECK(Serves(pair.b, "", "moved/", "v1.0.0"));
  CHECK(pair.b.SerialAt("", "moved/") == serial);
  CHECK(pair.b.plugins.Count("start") == 1);
}

TEST_CASE("a local reload leaves the other runtime alone", "[runtime][cluster]") {
  Pair pair;
  pair.a.Register("kv", "v1.0.0");
  pair.a.Mount("", "kv/");
  REQUIRE(Serves(pair.b, "", "kv/", "v1.0.0"));
  pair.a.Register("kv", "v2.0.0");
  pair.a.Pin("kv", "v2.0.0");
  CHECK(pair.a.Reload(Everywhere("kv")).reloaded == 1);
  CHECK(pair.a.VersionAt("", "kv/") == "v2.0.0");
  CHECK(pair.b.VersionAt("", "kv/") == "v1.0.0");
  REQUIRE(Eventually([&] {
    const auto pin = pair.b.registry().FindPin(PluginType::kSecret, "kv");
    return pin.has_value() && pin->version == "v2.0.0";
  }));
  CHECK(pair.b.Reload(Everywhere("kv")).reloaded == 1);
  CHECK(pair.b.VersionAt("", "kv/") == "v2.0.0");
}

TEST_CASE("two runtimes that mount the same path at once agree on one", "[runtime][cluster]") {
  Pair pair;
  pair.a.Register("kv", "v1.0.0");
  REQUIRE(Eventually([&] {
    return pair.b.registry().Find({PluginType::kSecret, "kv", "v1.0.0"}).has_value();
  }));
  for (int i = 0; i < 10; ++i) {
    const std::string path = "kv" + std::to_string(i) + "/";
    Status on_a, on_b;
    {
      std::jthread one([&] { on_a = pair.a.TryMount("", path).status(); });
      std::jthread two([&] { on_b = pair.b.TryMount("", path).status(); });
    }
    INFO(on_a.ToString() << " / " << on_b.ToString());
    CHECK(on_a.ok() != on_b.ok());
    CHECK((on_a.ok() ? on_b : on_a).code() == Code::kAlreadyExists);
    REQUIRE(Serves(pair.a, "", path, "v1.0.0"));
    REQUIRE(Serves(pair.b, "", path, "v1.0.0"));
    CHECK(pair.a.Lease("", path).mount().accessor == pair.b.Lease("", path).mount().accessor);
  }
  CHECK(pair.a.plugins.WaitLive(10));
  CHECK(pair.b.plugins.WaitLive(10));
}

TEST_CASE("a runtime starts the mounts that its store already has", "[runtime][start]") {
  const auto store = NewMemoryStore();
  {
    Node first({}, store);
    TwoVersions(first);
    first.Create("team");
    first.Mount("team", "kv/");
    first.Mount("team", "lazy/", "kv", [](MountEntry& entry) { entry.start = StartMode::kLazy; });
    first.Pin("kv", "v2.0.0");
  }
  Node second({}, store);
  CHECK(second.runtime->WaitReady(After(kSoon)).ToString() == "OK");
  CHECK(second.Lease("team", "kv/", Millis(0)).version() == "v2.0.0");
  CHECK(second.StateOf("team", "lazy/").state == MountState::kIdle);
  CHECK(second.plugins.Count("start") == 1);
}

TEST_CASE("a runtime that starts does not wait for its mounts, and says which are not ready",
          "[runtime][start]") {
  const auto store = NewMemoryStore();
  {
    Node first({}, store);
    TwoVersions(first);
    first.Mount("", "kv/");
    first.Mount("", "slow/");
  }
  FakePlugins slow;
  Node second(
      [&](RuntimeOptions& options) {
        slow.Hold("@slow/");
        options.launchers["fake"] = options.launchers["process"] = slow.launcher();
      },
      store);
  const Status status = second.runtime->WaitReady(After(Millis(50)));
  CHECK(status.code() == Code::kDeadlineExceeded);
  CHECK(status.message().find("slow/") != std::string_view::npos);
  CHECK(second.Lease("", "kv/").version() == "v1.0.0");
  slow.HealAll();
  CHECK(second.runtime->WaitReady(After(kSoon)).ok());
  CHECK(second.Lease("", "slow/", Millis(0)).version() == "v1.0.0");
  second.runtime.reset();
  CHECK(slow.live() == 0);
}

TEST_CASE("a runtime is ready when the mounts that cannot start have failed", "[runtime][start]") {
  const auto store = NewMemoryStore();
  {
    Node first({}, store);
    TwoVersions(first);
    first.Mount("", "kv/");
    first.Mount("", "bad/");
  }
  FakePlugins plugins;
  plugins.Fail("@bad/", "bad_config");
  Node second(
      [&](RuntimeOptions& options) {
        options.launchers["fake"] = options.launchers["process"] = plugins.launcher();
        options.restart.limit = 2;
      },
      store);
  CHECK(second.runtime->WaitReady(After(kSoon)).ok());
  CHECK(second.VersionAt("", "kv/") == "v1.0.0");
  CHECK(second.reloads().Acquire("", "bad/", kSoon).status().reason() == "mount_failed");
  second.runtime.reset();
  CHECK(plugins.live() == 0);
}

TEST_CASE("a mount whose launcher is not bound here fails and says so", "[runtime][start]") {
  const auto store = NewMemoryStore();
  {
    Node first({}, store);
    TwoVersions(first);
    first.Mount("", "kv/");
  }
  Node second([](RuntimeOptions& options) { options.launchers.erase("fake"); }, store);
  CHECK(second.runtime->WaitReady(After(kSoon)).ok());
  const Status status = second.reloads().Acquire("", "kv/", kSoon).status();
  CHECK(status.reason() == "mount_failed");
  CHECK(status.message().find("fake") != std::string_view::npos);
}

}  // namespace
}  // namespace plugreload::test
