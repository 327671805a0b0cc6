// A database plugin that speaks Vault's protocol, through its life.
#include <memory>
#include <string>

#include "fixture.hpp"
#include "goplugin/vault_database.hpp"
#include "plugreload/runtime.hpp"

namespace plugreload::test {
namespace {

using example::VaultDatabase;

class DatabaseHost : public RecordingHost {
 public:
  Result<std::shared_ptr<void>> Attach(const LaunchSpec& spec, const InstanceInfo& info) override {
    if (spec.plugin.sharing != Sharing::kMount) return std::shared_ptr<void>();
    auto database = VaultDatabase::Initialize(spec, info);
    if (!database.ok()) return database.status();
    return std::shared_ptr<void>(*std::move(database));
  }
};

struct DatabaseNode {
  LeakCheck leaks;
  std::shared_ptr<DatabaseHost> host = std::make_shared<DatabaseHost>();
  std::unique_ptr<Runtime> runtime;

  explicit DatabaseNode(GoPluginSecurity security, Sharing sharing = Sharing::kMount) {
    GoPluginLauncherOptions launcher = GoPluginOptions(leaks, security);
    launcher.process.log = [to = host](const LogRecord& record) { to->Log(record); };
    RuntimeOptions options = TestOptions(leaks, host);
    options.launchers["goplugin"] = MustMakeGoPlugin(std::move(launcher));
    auto created = Runtime::Create(std::move(options));
    REQUIRE(created.ok());
    runtime = *std::move(created);
    for (const char* version : {"v1.0.0", "v2.0.0"}) {
      PluginSpec spec = GoPlugin("vault_users_go", version);
      spec.ref = {PluginType::kDatabase, "users", version};
      spec.handshake.reset();
      spec.sharing = sharing;
      REQUIRE(ApplyGoPluginProfile("vault_database", spec).ok());
      REQUIRE(runtime->registry().Register(spec).ok());
    }
    REQUIRE(runtime->registry().SetPin({PluginType::kDatabase, "users", "v1.0.0"}).ok());
  }
  ~DatabaseNode() { CHECK(runtime->Close(After(kPatience)).ToString() == "OK"); }
  DatabaseNode(const DatabaseNode&) = delete;
  DatabaseNode& operator=(const DatabaseNode&) = delete;

  MountEntry Entry(const std::string& url, const std::string& path = "db/") {
    MountEntry entry = TestMount("", path);
    entry.type = PluginType::kDatabase;
    entry.plugin = "users";
    if (!url.empty()) entry.options["connection_url"] = url;
    return entry;
  }
  PluginLease Lease(const std::string& path = "db/") {
    return *runtime->reloads().Acquire("", path + "x", kPatience);
  }
  static VaultDatabase& Of(const PluginLease& lease) {
    return *static_cast<VaultDatabase*>(lease.attached());
  }
};

TEST_CASE("a Vault database plugin is initialised, makes users, is closed and reloaded",
          "[goplugin][vault]") {
  DatabaseNode node(GENERATE(GoPluginSecurity::kAutoMtls, GoPluginSecurity::kPlain));
  const auto mounted = node.runtime->reloads().Mount(node.Entry("users://a"), After(kPatience));
  INFO(mounted.status().ToString());
  REQUIRE(mounted.ok());
  std::string user;
  {
    const PluginLease lease = node.Lease();
    CHECK(lease.instance().protocol_version == 6);  // the highest that both know
    CHECK(*SupportsMultiplexing(lease.instance()));
    CHECK(*node.Of(lease).Type() == "users");
    user = *node.Of(lease).NewUser("reader", "secret");
    CHECK(user == "v-plugreload-reader-1");
    CHECK(node.Of(lease).ChangePassword(user, "other").ok());
    CHECK(node.Of(lease).DeleteUser(user).ok());
    const Status gone = node.Of(lease).ChangePassword(user, "again");
    CHECK(Contains(gone.message(), "UpdateUser of the plugin: unable to update user"));
  }
  REQUIRE(node.runtime->registry().SetPin({PluginType::kDatabase, "users", "v2.0.0"}).ok());
  ReloadRequest request;
  request.target = ByPlugin{PluginType::kDatabase, "users"};
  const auto report = node.runtime->reloads().Reload(request);
  REQUIRE(report.ok());
  CHECK(report->reloaded == 1);
  CHECK(node.host->WaitLine("info users-v1.0.0-1: closed users://a").has_value());
  const PluginLease lease = node.Lease();
  CHECK(lease.version() == "v2.0.0");
  // Another process, which counts from the start.
  CHECK(*node.Of(lease).NewUser("reader", "secret") == user);
}

TEST_CASE("mounts that share a process are instances of their own in it, and one moves alone",
          "[goplugin][vault]") {
  DatabaseNode node(GENERATE(GoPluginSecurity::kAutoMtls, GoPluginSecurity::kPlain),
                    Sharing::kGlobal);
  for (const char* path : {"db/", "other/"}) {
    REQUIRE(node.runtime->reloads().Mount(node.Entry("users://a", path), After(kPatience)).ok());
  }
  const auto initialize = [](const PluginLease& lease) {
    auto database = VaultDatabase::Initialize(lease);
    INFO(database.status().ToString());
    REQUIRE(database.ok());
    return *std::move(database);
  };
  PluginLease lease = node.Lease();
  PluginLease neighbour = node.Lease("other/");
  CHECK(lease.instance().pid == neighbour.instance().pid);
  CHECK(*SupportsMultiplexing(lease.instance()));
  const std::string before = MultiplexId(lease);
  CHECK(before != MultiplexId(neighbour));
  auto database = initialize(lease);
  auto other = initialize(neighbour);
  const std::string user = *other->NewUser("reader", "secret");
  CHECK_FALSE(database->ChangePassword(user, "x").ok());  // not one of this instance
  CHECK(other->ChangePassword(user, "x").ok());
  const std::int64_t shared = neighbour.instance().pid;
  database.reset();
  lease.Release();
  neighbour.Release();

  REQUIRE(node.runtime->registry().SetPin({PluginType::kDatabase, "users", "v2.0.0"}).ok());
  ReloadRequest request;
  request.target = ByMounts{{"db/"}};
  const auto report = node.runtime->reloads().Reload(request);
  REQUIRE(report.ok());
  CHECK(report->reloaded == 1);
  lease = node.Lease();
  CHECK(lease.version() == "v2.0.0");
  CHECK(lease.instance().pid != shared);
  CHECK(MultiplexId(lease) != before);
  CHECK(initialize(lease)->NewUser("reader", "secret").ok());
  neighbour = node.Lease("other/");
  CHECK(neighbour.version() == "v1.0.0");
  CHECK(neighbour.instance().pid == shared);
  CHECK(other->ChangePassword(user, "y").ok());
}

TEST_CASE("a database plugin that refuses its configuration is not mounted", "[goplugin][vault]") {
  DatabaseNode node(GoPluginSecurity::kPlain);
  const auto mounted = node.runtime->reloads().Mount(node.Entry(""), After(kPatience));
  REQUIRE_FALSE(mounted.ok());
  CHECK(Contains(mounted.status().message(), "connection_url cannot be empty"));
}

}  // namespace
}  // namespace plugreload::test
