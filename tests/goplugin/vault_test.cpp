// A secrets plugin that speaks Vault's protocol, with storage of the host, through its life.
#include <memory>
#include <string>

#include "fixture.hpp"
#include "goplugin/vault_backend.hpp"
#include "plugreload/runtime.hpp"

namespace plugreload::test {
namespace {

using example::VaultBackend;
using example::VaultStorage;

class VaultHost : public RecordingHost {
 public:
  Result<std::shared_ptr<void>> Attach(const LaunchSpec& spec, const InstanceInfo& info) override {
    auto backend = VaultBackend::SetUp(spec, info, storage);
    if (!backend.ok()) return backend.status();
    return std::shared_ptr<void>(*std::move(backend));
  }
  const std::shared_ptr<VaultStorage> storage = std::make_shared<VaultStorage>();
};

struct VaultNode {
  LeakCheck leaks;
  std::shared_ptr<VaultHost> host = std::make_shared<VaultHost>();
  std::unique_ptr<Runtime> runtime;

  VaultNode() {
    GoPluginLauncherOptions launcher = GoPluginOptions(leaks, GoPluginSecurity::kPlain);
    launcher.process.log = [to = host](const LogRecord& record) { to->Log(record); };
    RuntimeOptions options = TestOptions(leaks, host);
    options.launchers["goplugin"] = MustMakeGoPlugin(std::move(launcher));
    auto created = Runtime::Create(std::move(options));
    REQUIRE(created.ok());
    runtime = *std::move(created);
    for (const char* version : {"v1.0.0", "v2.0.0"}) {
      PluginSpec spec = GoPlugin("vault_kv_go", version);
      spec.handshake.reset();
      REQUIRE(ApplyGoPluginProfile("vault_backend", spec).ok());
      REQUIRE(runtime->registry().Register(spec).ok());
    }
    Pin("v1.0.0");
  }
  ~VaultNode() { CHECK(runtime->Close(After(kPatience)).ToString() == "OK"); }
  VaultNode(const VaultNode&) = delete;
  VaultNode& operator=(const VaultNode&) = delete;

  void Pin(const char* version) {
    REQUIRE(runtime->registry().SetPin({PluginType::kSecret, "kv", version}).ok());
  }
  Result<std::string> Ask(const std::string& path, const char* operation, const char* data = "") {
    auto lease = runtime->reloads().Acquire("", path, kPatience);
    if (!lease.ok()) return lease.status();
    return static_cast<VaultBackend*>(lease->attached())->Handle(*lease, operation, data);
  }
  std::string Read(const std::string& path) {
    const Result<std::string> read = Ask(path, "read");
    return read.ok() ? *read : read.status().ToString();
  }
};

TEST_CASE("a Vault plugin is set up, serves from its host's storage, and is reloaded",
          "[goplugin][vault]") {
  VaultNode node;
  MountEntry entry = TestMount("", "kv/");
  entry.options["prefix"] = "p/";
  const auto mounted = node.runtime->reloads().Mount(entry, After(kPatience));
  INFO(mounted.status().ToString());
  REQUIRE(mounted.ok());
  {
    const auto lease = node.runtime->reloads().Acquire("", "kv/", kPatience);
    CHECK(lease->instance().protocol_version == 4);  // the highest that both know
  }
  CHECK(node.Ask("kv/a", "create", R"({"value":1})").ok());
  CHECK(node.Read("kv/a") == R"({"value":1})");
  CHECK(node.host->storage->Find(mounted->accessor + "/p/a") == R"({"value":1})");
  CHECK(node.Ask("kv/a", "fly").status().code() == Code::kInvalidArgument);

  node.Pin("v2.0.0");
  ReloadRequest request;
  request.target = ByPlugin{PluginType::kSecret, "kv"};
  const auto report = node.runtime->reloads().Reload(request);
  REQUIRE(report.ok());
  CHECK(report->reloaded == 1);
  // The old instance was cleaned up, the new one sees what was stored.
  CHECK(node.host->WaitLine("info kv-v1.0.0-1: cleaned up").has_value());
  CHECK(node.Read("kv/a") == R"({"value":1})");
  CHECK(node.Ask("kv/a", "delete").ok());
  CHECK(node.Read("kv/a").empty());
}

TEST_CASE("two mounts of a Vault plugin do not see each other's storage", "[goplugin][vault]") {
  VaultNode node;
  for (const char* path : {"kv/", "other/"}) {
    REQUIRE(node.runtime->reloads().Mount(TestMount("", path), After(kPatience)).ok());
  }
  CHECK(node.Ask("kv/a", "create", "{}").ok());
  CHECK(node.Read("kv/a") == "{}");
  CHECK(node.Read("other/a").empty());
}

TEST_CASE("an offer to an instance of another launcher is refused", "[goplugin][broker]") {
  CHECK(OfferService(InstanceInfo(), "unix:/x").status().reason() == "no_broker");
}

TEST_CASE("an offer names a network, and comes before the end", "[goplugin][broker]") {
  LeakCheck leaks;
  const auto launcher = MustMakeGoPlugin(GoPluginOptions(leaks, GoPluginSecurity::kPlain));
  const auto instance = MustStart(*launcher, GoPluginSpec("kv_go_1.0.0"));
  CHECK(OfferService(instance->info(), "/x").status().reason() == "invalid_address");
  CHECK(*OfferService(instance->info(), "unix:/x") != *OfferService(instance->info(), "unix:/x"));
  CHECK(instance->Stop(After(kPatience)).ok());
  CHECK(OfferService(instance->info(), "unix:/x").status().reason() == "broker_closed");
}

}  // namespace
}  // namespace plugreload::test
