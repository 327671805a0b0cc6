#include "plugreload/sqlite.hpp"
#include "scenario/node.hpp"
#include "support/directory.hpp"

namespace plugreload::test {
namespace {

std::shared_ptr<StateStore> StoreIn(const Directory& directory) {
  SqliteOptions options;
  options.path = directory.path() + "/store.db";
  auto store = NewSqliteStore(std::move(options));
  INFO(store.status().ToString());
  REQUIRE(store.ok());
  return *std::move(store);
}

TEST_CASE("a runtime on the file of one that has ended serves the same mounts",
          "[sqlite][runtime]") {
  const Directory directory;
  MountEntry mounted, lazy;
  {
    Node first({}, StoreIn(directory));
    first.Register("kv", "v1.0.0", [](PluginSpec& spec) { spec.env = {"SECRET=value"}; });
    first.Register("kv", "v2.0.0");
    first.Create("team");
    mounted = first.Mount("team", "kv/");
    lazy =
        first.Mount("", "lazy/", "kv", [](MountEntry& entry) { entry.start = StartMode::kLazy; });
    first.Pin("kv", "v1.0.0");
    CHECK(first.VersionAt("team", "kv/") == "v2.0.0");
  }
  Node second({}, StoreIn(directory));
  REQUIRE(second.runtime->WaitReady(After(kSoon)).ok());
  CHECK(second.Lease("team", "kv/", Millis(0)).version() == "v1.0.0");
  CHECK(second.Lease("team", "kv/").mount() == mounted);
  CHECK(second.StateOf("", "lazy/").state == MountState::kIdle);
  CHECK(second.Lease("", "lazy/").mount() == lazy);
  CHECK(second.registry().List(PluginType::kSecret).size() == 2);
  CHECK(second.registry().Find({PluginType::kSecret, "kv", "v1.0.0"})->env ==
        std::vector<std::string>{"SECRET=value"});
  CHECK(second.registry().FindPin(PluginType::kSecret, "kv")->version == "v1.0.0");
}

// As two workers of one server have it: each its own store on the file.
TEST_CASE("runtimes on one file see each other's changes and reload together",
          "[sqlite][runtime][cluster]") {
  const Directory directory;
  Node a([](RuntimeOptions& options) { options.node = "a"; }, StoreIn(directory));
  Node b([](RuntimeOptions& options) { options.node = "b"; }, StoreIn(directory));
  a.Register("kv", "v1.0.0");
  a.Mount("", "kv/");
  const auto serves = [&](const std::string& version) {
    return Eventually([&] {
      auto lease = b.reloads().Acquire("", "kv/", kSoon);
      return lease.ok() && lease->version() == version;
    });
  };
  CHECK(serves("v1.0.0"));
  b.Register("kv", "v2.0.0");
  b.Pin("kv", "v2.0.0");
  REQUIRE(Eventually([&] { return a.registry().FindPin(PluginType::kSecret, "kv").has_value(); }));
  ReloadRequest everywhere = Everywhere("kv");
  everywhere.scope = Scope::kGlobal;
  a.Reload(everywhere);
  CHECK(a.VersionAt("", "kv/") == "v2.0.0");
  CHECK(serves("v2.0.0"));
}

}  // namespace
}  // namespace plugreload::test
