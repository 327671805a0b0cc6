// Plugins that are asked what they are, by their launcher and by a registration.
#include <sys/stat.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <stop_token>
#include <string>

#include "fixture.hpp"
#include "plugreload/runtime.hpp"

namespace plugreload::test {
namespace {

constexpr auto kMtls = GoPluginSecurity::kAutoMtls;
constexpr auto kPlain = GoPluginSecurity::kPlain;

// As a registration that says nothing but what to run.
LaunchSpec Bare(std::string_view program) {
  LaunchSpec spec = GoPluginSpec(program);
  spec.plugin.ref = {PluginType::kUnknown, "it", ""};
  spec.plugin.handshake.reset();
  spec.mount = {};
  return spec;
}

TEST_CASE("a Vault plugin says its type and version, and which handshake it wants",
          "[goplugin][inspect]") {
  const auto security = GENERATE(kMtls, kPlain);
  struct Row {
    const char* program;
    PluginType type;
    const char* profile;
  };
  const auto row = GENERATE(Row{"vault_users_go", PluginType::kDatabase, "vault_database"},
                            Row{"vault_kv_go", PluginType::kSecret, "vault_backend"});
  INFO(row.program);
  LeakCheck leaks;
  const auto launcher = MustMakeGoPlugin(GoPluginOptions(leaks, security));
  const auto facts = launcher->Inspect(Bare(row.program), Context());
  INFO(facts.status().ToString());
  REQUIRE(facts.ok());
  CHECK(facts->type == row.type);
  CHECK(facts->version == "v1.0.0");
  CHECK(facts->handshake == FindGoPluginProfile(row.profile)->handshake);
  CHECK(facts->env == FindGoPluginProfile(row.profile)->env);
  CHECK(leaks.MarkedProcesses().empty());
}

TEST_CASE("a plugin of another host than Vault tells nothing, and that is no error",
          "[goplugin][inspect]") {
  const std::string program = GENERATE("kv_go_1.0.0", "kv.py", "kv_cpp");
  INFO(program);
  LeakCheck leaks;
  const auto launcher = MustMakeGoPlugin(GoPluginOptions(leaks, kMtls));
  const bool own = GENERATE(true, false);  // its handshake, or the host's for all
  LaunchSpec spec = Bare(program);
  if (own) spec.plugin.handshake = kGoPluginHandshake;
  const auto facts = launcher->Inspect(spec, Context());
  INFO(facts.status().ToString());
  REQUIRE(facts.ok());
  CHECK(facts->type == PluginType::kUnknown);
  CHECK(facts->version.empty());
  CHECK_FALSE(facts->handshake.has_value());
}

TEST_CASE("a plugin that looks at no cookie is not taken for one of Vault", "[goplugin][inspect]") {
  LeakCheck leaks;
  const auto launcher = MustMakeGoPlugin(GoPluginOptions(leaks, kPlain));
  LaunchSpec spec = OddSpec("any_version");
  spec.plugin.ref.type = PluginType::kUnknown;
  spec.plugin.handshake.reset();
  spec.handshake.protocol_versions = {1};
  const auto facts = launcher->Inspect(spec, Context());
  INFO(facts.status().ToString());
  REQUIRE(facts.ok());
  CHECK(facts->type == PluginType::kUnknown);
  CHECK_FALSE(facts->handshake.has_value());
}

TEST_CASE("what cannot be started cannot be asked, and leaves nothing", "[goplugin][inspect]") {
  LeakCheck leaks;
  const auto launcher = MustMakeGoPlugin(GoPluginOptions(leaks, kPlain));
  const auto reason = [&](const LaunchSpec& spec, const StartContext& context = Context()) {
    return std::string(launcher->Inspect(spec, context).status().reason());
  };
  CHECK(reason(Bare(PluginPath("dies_before_line"))) == "handshake_missing");
  CHECK(reason(Bare(PluginPath("prints_garbage"))) == "handshake_invalid");
  LaunchSpec changed = Bare("vault_users_go");
  changed.plugin.sha256 = std::string(64, '0');
  CHECK(reason(changed) == "checksum_mismatch");
  CHECK(reason(Bare(PluginPath("never_prints")), Context(Millis{50})) == "handshake_timeout");
  std::stop_source cancel;
  cancel.request_stop();
  StartContext unwanted = Context();
  unwanted.cancel = cancel.get_token();
  CHECK(reason(Bare("vault_users_go"), unwanted) == "cancelled");
  CHECK(leaks.MarkedProcesses().empty());
}

TEST_CASE("a question that is not answered ends with the inspection's time or its cancel",
          "[goplugin][inspect]") {
  const bool cancelled = GENERATE(true, false);
  GivenUp odd("secretive deaf", cancelled);
  const auto before = std::chrono::steady_clock::now();
  const Status status = odd.launcher->Inspect(odd.spec, odd.context).status();
  INFO(status.ToString());
  CHECK(std::chrono::steady_clock::now() - before < 2 * kPatience);
  CHECK(status.code() == (cancelled ? Code::kCancelled : Code::kDeadlineExceeded));
  CHECK(odd.leaks.MarkedProcesses().empty());
}

TEST_CASE("a plugin of Vault that is too new is told as that", "[goplugin][inspect]") {
  LeakCheck leaks;
  const auto launcher = MustMakeGoPlugin(GoPluginOptions(leaks, kPlain));
  const Handshake database = FindGoPluginProfile("vault_database")->handshake;
  const std::string path = leaks.scratch() + "/plugin.sh";
  std::ofstream(path) << "#!/bin/sh\n[ \"$" << database.cookie_key
                      << "\" = " << database.cookie_value
                      << " ] || exit 1\necho '1|99|unix|/s|grpc|'\nexec sleep 60\n";
  REQUIRE(chmod(path.c_str(), 0700) == 0);
  const Status status = launcher->Inspect(Bare(path), Context()).status();
  INFO(status.ToString());
  CHECK(status.reason() == "version_unsupported");
  CHECK(Contains(status.message(), "version 99"));
}

// A server whose callers register plugins.
struct RegisteringNode {
  LeakCheck leaks;
  std::shared_ptr<RecordingHost> host = std::make_shared<RecordingHost>();
  std::unique_ptr<Runtime> runtime;

  RegisteringNode() {
    RuntimeOptions options = TestOptions(leaks, host);
    options.launchers["goplugin"] = MustMakeGoPlugin(GoPluginOptions(leaks, kMtls));
    options.dispatch_launchers = {"goplugin"};
    auto created = Runtime::Create(std::move(options));
    REQUIRE(created.ok());
    runtime = *std::move(created);
  }
  ~RegisteringNode() { CHECK(runtime->Close(After(kPatience)).ToString() == "OK"); }
  RegisteringNode(const RegisteringNode&) = delete;
  RegisteringNode& operator=(const RegisteringNode&) = delete;

  Response Call(const std::string& method, const std::string& path, const std::string& body = "") {
    Request request;
    request.method = method;
    request.target = "/v1/sys/" + path;
    request.token = "root";
    request.body = body;
    return runtime->Dispatch(request);
  }
  Response Register(const std::string& place, const std::string& program,
                    const std::string& more = "") {
    return Call("POST", "plugins/catalog/" + place,
                R"({"launcher":"goplugin","sha256":")" + Sha256OfFile(program) +
                    R"(","command":")" + program + "\"" + more + "}");
  }
};

TEST_CASE("a registration without type and version takes both from the binary",
          "[goplugin][inspect]") {
  RegisteringNode node;
  const Response registered = node.Register("users", GoPluginPath("vault_users_go"));
  INFO(registered.body);
  REQUIRE(registered.status == 204);
  CHECK(node.Call("GET", "plugins/catalog/database/users?version=1.0.0").status == 200);
  CHECK(node.Call("GET", "plugins/catalog/database/users").status == 404);
  // What it learned about the handshake is enough to run it.
  const Response typed = node.Register("secret/kv", GoPluginPath("vault_kv_go"));
  INFO(typed.body);
  REQUIRE(typed.status == 204);
  const Response mounted = node.Call("POST", "mounts/kv", R"({"type":"kv"})");
  INFO(mounted.body);
  REQUIRE(mounted.status == 204);
  CHECK(node.runtime->reloads().Acquire("", "kv/a", kPatience)->version() == "v1.0.0");
}

TEST_CASE("a registration that says what the binary is not is refused", "[goplugin][inspect]") {
  RegisteringNode node;
  const Response version =
      node.Register("database/users", GoPluginPath("vault_users_go"), R"(,"version":"2.0.0")");
  CHECK(version.status == 400);
  CHECK(Contains(version.body,
                 "plugin version mismatch: users reported version (v1.0.0) did not match "
                 "requested version (v2.0.0)"));
  const Response type = node.Register("auth/kv", GoPluginPath("vault_kv_go"));
  CHECK(type.status == 400);
  CHECK(Contains(type.body, "plugin type mismatch: kv is a plugin of type secret, not auth"));
  const Response none = node.Register("it", PluginPath("dies_before_line"));
  CHECK(none.status == 400);
  CHECK(Contains(none.body, "unable to determine plugin type: "));
  CHECK(Contains(node.Call("GET", "plugins/catalog").body, R"("detailed":[])"));
}

TEST_CASE("a typed registration of what does not run is made, and warns", "[goplugin][inspect]") {
  RegisteringNode node;
  const Response made =
      node.Register("secret/kv", PluginPath("dies_before_line"), R"(,"version":"1.0.0")");
  CHECK(made.status == 200);
  CHECK(Contains(made.body, "the plugin could not be asked for its version"));
  CHECK(node.Call("GET", "plugins/catalog/secret/kv?version=1.0.0").status == 200);
}

}  // namespace
}  // namespace plugreload::test
