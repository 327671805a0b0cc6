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
    auto database = VaultDatabase::Initialize(spec, info);
    if (!database.ok()) return database.status();
    return std::shared_ptr<void>(*std::move(database));
  }
};

struct DatabaseNode {
  LeakCheck leaks;
  std::shared_ptr<DatabaseHost> host = std::make_shared<DatabaseHost>();
  std::unique_ptr<Runtime> runtime;

  explicit DatabaseNode(GoPluginSecurity security) {
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
      REQUIRE(ApplyGoPluginProfile("vault_database", spec).ok());
      REQUIRE(runtime->registry().Register(spec).ok());
    }
    REQUIRE(runtime->registry().SetPin({PluginType::kDatabase, "users", "v1.0.0"}).ok());
  }
  ~DatabaseNode() { CHECK(runtime->Close(After(kPatience)).ToString() == "OK"); }
  DatabaseNode(const DatabaseNode&) = delete;
  DatabaseNode& operator=(const DatabaseNode&) = delete;

  MountEntry Entry(const std::string& url) {
    MountEntry entry = TestMount("", "db/");
    entry.type = PluginType::kDatabase;
    entry.plugin = "users";
    if (!url.empty()) entry.options["connection_url"] = url;
    return entry;
  }
  PluginLease Lease() { return *runtime->reloads().Acquire("", "db/x", kPatience); }
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

TEST_CASE("a database plugin that refuses its configuration is not mounted", "[goplugin][vault]") {
  DatabaseNode node(GoPluginSecurity::kPlain);
  const auto mounted = node.runtime->reloads().Mount(node.Entry(""), After(kPatience));
  REQUIRE_FALSE(mounted.ok());
  CHECK(Contains(mounted.status().message(), "connection_url cannot be empty"));
}

}  // namespace
}  // namespace plugreload::test
