#include <string>
#include <thread>

#include "scenario/node.hpp"

namespace plugreload::test {
namespace {

void Lazy(MountEntry& entry) { entry.start = StartMode::kLazy; }

bool Has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

TEST_CASE("a mount whose plugin does not start is not mounted", "[reload][mount]") {
  Node node;
  node.Register("kv", "v1.0.0");
  node.plugins.Fail("v1.0.0", "bad_config");
  const Status status = node.TryMount("", "kv/").status();
  CHECK(status.code() == Code::kUnavailable);
  CHECK(status.reason() == "bad_config");
  CHECK(Has(status.message(), "kv"));
  CHECK(Has(status.message(), "the plugin does not want to"));
  CHECK_FALSE(node.namespaces().FindMount("", "kv/").has_value());
  CHECK(node.reloads().Acquire("", "kv/x", Millis(0)).status().reason() == "mount_not_found");
  CHECK(node.plugins.live() == 0);
  node.plugins.HealAll();
  node.Mount("", "kv/");
  CHECK(node.VersionAt("", "kv/x") == "v1.0.0");
}

TEST_CASE("a mount whose plugin throws while it starts is not mounted", "[reload][mount]") {
  Node node;
  node.Register("kv", "v1.0.0");
  node.plugins.Throw("v1.0.0");
  CHECK(node.TryMount("", "kv/").status().code() == Code::kInternal);
  CHECK_FALSE(node.namespaces().FindMount("", "kv/").has_value());
}

TEST_CASE("a mount gives up at its deadline and leaves nothing", "[reload][mount]") {
  Node node;
  node.Register("kv", "v1.0.0");
  node.plugins.Hold("v1.0.0");
  MountEntry entry;
  entry.path = "kv/";
  entry.plugin = "kv";
  const Status status = node.reloads().Mount(entry, After(Millis(30))).status();
  CHECK(status.code() == Code::kDeadlineExceeded);
  CHECK_FALSE(node.namespaces().FindMount("", "kv/").has_value());
  node.plugins.HealAll();
  CHECK(node.plugins.WaitLive(0));
}

TEST_CASE("a mount cannot take a path that is in use", "[reload][mount]") {
  Node node;
  node.Register("kv", "v1.0.0");
  node.Create("team");
  node.Mount("", "a/b/");
  for (const char* path : {"a/b/", "a/", "a/b/c/", "team/"}) {
    INFO(path);
    const Status status = node.TryMount("", path).status();
    CHECK(status.code() == Code::kAlreadyExists);
    CHECK(status.reason() == "path_in_use");
  }
  CHECK(node.plugins.live() == 1);
}

TEST_CASE("a mount needs a plugin, a namespace and a path that exist", "[reload][mount]") {
  Node node;
  node.Register("kv", "v1.0.0");
  CHECK(node.TryMount("", "x/", "unknown").status().reason() == "plugin_not_found");
  CHECK(node.TryMount("nowhere", "x/").status().reason() == "namespace_not_found");
  CHECK(node.TryMount("", "").status().code() == Code::kInvalidArgument);
  CHECK(node.TryMount("", "/x/../y").status().code() == Code::kInvalidArgument);
  const auto old = [](MountEntry& entry) { entry.version = "v9.0.0"; };
  CHECK(node.TryMount("", "x/", "kv", old).status().code() == Code::kNotFound);
  CHECK(node.plugins.Count("start") == 0);
}

TEST_CASE("an acquire says what there is not", "[reload][lease]") {
  Node node;
  node.Register("kv", "v1.0.0");
  node.Create("team");
  node.Mount("team", "kv/");
  const auto Why = [&](const char* ns, const char* path) {
    return node.reloads().Acquire(ns, path, Millis(0)).status();
  };
  CHECK(Why("nowhere", "kv/x").code() == Code::kNotFound);
  CHECK(Why("nowhere", "kv/x").reason() == "namespace_not_found");
  CHECK(Why("team", "kw/x").code() == Code::kNotFound);
  CHECK(Why("team", "kw/x").reason() == "mount_not_found");
  CHECK(Why("team", "kvx/y").reason() == "mount_not_found");
  CHECK(Why("", "kv/x").reason() == "mount_not_found");
  CHECK(Why("", "").reason() == "mount_not_found");
  CHECK(Has(Why("team", "kw/x").message(), "kw"));
}

TEST_CASE("a lazy mount starts at its first acquire", "[reload][lazy]") {
  Node node;
  node.Register("kv", "v1.0.0");
  node.Mount("", "kv/", "kv", Lazy);
  CHECK(node.plugins.Count("start") == 0);
  CHECK(node.StateOf("", "kv/").state == MountState::kIdle);
  CHECK(node.VersionAt("", "kv/x") == "v1.0.0");
  CHECK(node.VersionAt("", "kv/x") == "v1.0.0");
  CHECK(node.plugins.Count("start") == 1);
  CHECK(node.StateOf("", "kv/").state == MountState::kServing);
}

TEST_CASE("an acquire that need not wait still starts a lazy mount", "[reload][lazy]") {
  Node node;
  node.Register("kv", "v1.0.0");
  node.Mount("", "kv/", "kv", Lazy);
  node.plugins.Hold("v1.0.0");
  const Status status = node.reloads().Acquire("", "kv/x", Millis(0)).status();
  CHECK(status.code() == Code::kDeadlineExceeded);
  CHECK(status.reason() == "not_ready");
  CHECK(node.plugins.WaitFor("start", "v1.0.0", 1));
  CHECK(node.StateOf("", "kv/").state == MountState::kStarting);
  node.plugins.HealAll();
  CHECK(node.VersionAt("", "kv/x") == "v1.0.0");
}

TEST_CASE("requests wait while a lazy mount starts, and one start serves them all",
          "[reload][lazy]") {
  Node node;
  node.Register("kv", "v1.0.0");
  node.Mount("", "kv/", "kv", Lazy);
  node.plugins.Hold("v1.0.0");
  std::atomic<int> served{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      auto lease = node.reloads().Acquire("", "kv/x", kSoon);
      if (lease.ok() && Node::Object(*lease).Serve()) ++served;
    });
  }
  const bool started = node.plugins.WaitFor("start", "v1.0.0", 1);
  const int before = served.load();
  node.plugins.HealAll();
  for (std::thread& thread : threads) thread.join();
  CHECK(started);
  CHECK(before == 0);
  CHECK(served == 4);
  CHECK(node.plugins.Count("start") == 1);
}

TEST_CASE("a lazy mount whose plugin never starts fails for good and says why", "[reload][lazy]") {
  Node node([](RuntimeOptions& options) { options.restart.limit = 2; });
  node.Register("kv", "v1.0.0");
  node.Mount("", "kv/", "kv", Lazy);
  node.plugins.Fail("v1.0.0", "bad_config");
  CHECK_FALSE(node.reloads().Acquire("", "kv/x", kSoon).ok());
  CHECK(node.host->WaitForMount(EventKind::kMountFailed, "kv/"));
  const Status status = node.reloads().Acquire("", "kv/x", kSoon).status();
  CHECK(status.code() == Code::kUnavailable);
  CHECK(status.reason() == "mount_failed");
  CHECK(Has(status.message(), "the plugin does not want to"));
  CHECK(node.StateOf("", "kv/").state == MountState::kFailed);
  CHECK(node.StateOf("", "kv/").error.reason() == "bad_config");
}

TEST_CASE("a lease taken into one that is there lets go of what that held", "[reload][lease]") {
  const bool tracked = GENERATE(false, true);
  Node node([&](RuntimeOptions& options) { options.track_leases = tracked; });
  node.Register("kv", "v1.0.0");
  node.Register("pg", "v1.0.0");
  node.Mount("", "kv/", "kv");
  node.Mount("", "pg/", "pg");
  PluginLease lease;
  REQUIRE(node.reloads().Acquire("", "kv/some/key", Millis(0), &lease).ok());
  CHECK(lease.mount().path == "kv/");
  CHECK(lease.rest() == "some/key");
  REQUIRE(node.reloads().Acquire("", "pg/role", Millis(0), &lease).ok());
  CHECK(lease.mount().path == "pg/");
  // Nobody holds the first any more: what waits for its leases has none to wait for.
  CHECK(node.reloads().Unmount("", "kv/", After(kSoon)).ok());
  const Status none = node.reloads().Acquire("", "kv/some/key", Millis(0), &lease);
  CHECK(none.reason() == "mount_not_found");
  CHECK_FALSE(lease.held());
  CHECK(node.reloads().Unmount("", "pg/", After(kSoon)).ok());
}

}  // namespace
}  // namespace plugreload::test
