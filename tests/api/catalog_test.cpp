// sys/plugins/catalog and sys/plugins/pins.
#include <future>
#include <string>
#include <vector>

#include "api/server.hpp"

namespace plugreload::test {
namespace {

const std::string kCatalog = "/v1/sys/plugins/catalog";
const std::string kPins = "/v1/sys/plugins/pins";
const std::string kSha(64, 'a');

TEST_CASE("an entry is read back as it was registered, without its environment", "[api]") {
  Server server;
  server.Must(
      {"POST", kCatalog + "/secret/kv",
       R"({"sha256":")" + kSha +
           R"(","command":"/bin/true","args":["-a","b,c"],)"
           R"("env":["TOKEN=hunter2"],"version":"1.2","sharing":"global","order":"stop_first",)"
           R"("image":"in_place","protocols":"http","timeouts":{"start":"1500ms","drain":3},)"
           R"("handshake":{"cookie_key":"K","cookie_value":"V","protocol_versions":[1,2]}})"},
      204);
  const std::string body = server.Body({"GET", kCatalog + "/secret/kv?version=v1.2.0"}, 200);
  CHECK(
      body ==
      Envelope(
          R"({"name":"kv","type":"secret","version":"v1.2.0","builtin":false,"command":"/bin/true",)"
          R"("args":["-a","b,c"],"sha256":")" +
          kSha +
          R"(","launcher":"process","sharing":"global",)"
          R"("order":"stop_first","image":"in_place","protocols":["http"],)"
          R"("handshake":{"cookie_key":"K","protocol_versions":[1,2]},"timeouts":{"start":"1500ms",)"
          R"("attach":"10s","drain":"3s","graceful":"0s","terminate":"5s","kill":"2s"}})"));
  CHECK(server.Body({"GET", kCatalog + "/secret/kv"}, 404) == kNotThere);
  CHECK(server.Body({"GET", kCatalog + "/auth/kv?version=1.2.0"}, 404) == kNotThere);
  CHECK(server.Body({"GET", kCatalog + "/secret/kv?version=x"}, 400)
            .starts_with(R"({"errors":["version \"x\" is not a valid semantic version: )"));
}

TEST_CASE("a command with spaces is a command and its arguments", "[api]") {
  Server server;
  const std::string sha = R"({"sha_256":")" + kSha + R"(","command":"/bin/true -x y")";
  server.Must({"PUT", kCatalog + "/auth/a/b", sha + "}"}, 204);
  CHECK(Has(server.Body({"GET", kCatalog + "/auth/a/b"}, 200),
            R"("command":"/bin/true","args":["-x","y"])"));
  CHECK(server.Body({"PUT", kCatalog + "/auth/a", sha + R"(,"args":["z"]})"}, 400) ==
        Errors("must not specify args in command and args field"));
}

TEST_CASE("what a plugin says of itself fills in a registration", "[api]") {
  PluginFacts facts;
  Status fails;
  Server server([&](RuntimeOptions& options) {
    CallbackLauncherOptions callbacks;
    callbacks.inspect = [&](const LaunchSpec& spec, const StartContext&) -> Result<PluginFacts> {
      CHECK(spec.mount.path.empty());
      CHECK(spec.instance.starts_with(spec.plugin.ref.name + "-inspect-"));
      if (!fails.ok()) return fails;
      return facts;
    };
    options.launchers["callback"] = NewCallbackLauncher(std::move(callbacks));
  });
  const std::string body = R"({"launcher":"callback"})";
  facts.type = PluginType::kAuth;
  facts.version = "1.2";
  facts.handshake = {"K", "V", {7}};
  server.Must({"POST", kCatalog + "/ldap", body}, 204);
  CHECK(Has(server.Body({"GET", kCatalog + "/auth/ldap?version=1.2.0"}, 200),
            R"("handshake":{"cookie_key":"K","protocol_versions":[7]})"));
  facts.version = "one";
  CHECK(Has(server.Body({"POST", kCatalog + "/ldap", body}, 400),
            R"(version \"one\" is not a valid semantic version)"));
  facts = {};
  CHECK(Has(server.Body({"POST", kCatalog + "/kv", body}, 400),
            R"(unable to determine plugin type: \"kv\" does not tell)"));
  server.Must({"POST", kCatalog + "/secret/kv", body}, 204);
  server.Must({"GET", kCatalog + "/secret/kv"}, 200);
  fails = Status(Code::kUnavailable, "broken", "it is broken");
  CHECK(Has(server.Body({"POST", kCatalog + "/secret/kv", body}, 200), "it is broken"));
  CHECK(Has(server.Body({"POST", kCatalog + "/kv", body}, 400), "it is broken"));
  // What may not be registered is not run.
  fails = Status(Code::kInternal, "ran", "it was run");
  CHECK_FALSE(
      Has(server.Body({"POST", kCatalog + "/kv", R"({"launcher":"callback","env":["X"]})"}, 400),
          "it was run"));
}

TEST_CASE("an inspection ends with the runtime", "[api]") {
  std::promise<void> asked;
  Server server([&](RuntimeOptions& options) {
    CallbackLauncherOptions callbacks;
    callbacks.inspect = [&](const LaunchSpec&, const StartContext& context) -> Result<PluginFacts> {
      std::promise<void> unwanted;
      const std::stop_callback cancelled(context.cancel, [&] { unwanted.set_value(); });
      asked.set_value();
      unwanted.get_future().wait_until(context.deadline);
      return Status(Code::kCancelled, "cancelled", "no longer wanted");
    };
    options.launchers["callback"] = NewCallbackLauncher(std::move(callbacks));
  });
  auto answer = std::async(std::launch::async, [&] {
    return server.Call({"POST", kCatalog + "/kv", R"({"launcher":"callback"})"});
  });
  REQUIRE(asked.get_future().wait_for(kPatience) == std::future_status::ready);
  CHECK(server.runtime().Close(After(kPatience)).ok());
  CHECK(answer.get().status >= 400);
}

TEST_CASE("a registration that cannot work says what is wrong", "[api]") {
  Server server;
  const auto refused = [&](const std::string& body) {
    const Response response = server.Call({"POST", kCatalog + "/secret/kv", body});
    INFO(body << " " << response.body);
    CHECK(response.status == 400);
    return response.body;
  };
  const std::string hashed = R"({"sha256":")" + kSha + R"(",)";
  CHECK(refused(R"({"command":"/bin/true"})") ==
        Errors("must provide at least one of sha256 or version: use sha256 for binary "
               "registration (version optional) or version only for artifact registration"));
  CHECK(refused(hashed + R"("x":1})") ==
        Errors("must provide at least one of command or oci_image"));
  CHECK(refused(R"({"version":"1.0.0","launcher":"shared_library"})") ==
        Errors("launcher \"shared_library\" may not be named by a request; it may name: process, "
               "callback"));
  CHECK(Has(refused(R"({"version":"one"})"), R"(version \"one\" is not a valid semantic version)"));
  CHECK(refused(R"({"download":true})") == Errors("download is an enterprise only feature"));
  CHECK(refused(hashed + R"("oci_image":"x"})") == Errors("oci_image is not supported"));
  CHECK(Has(refused(R"({"sha256":"xyz","command":"/bin/true"})"),
            "Could not decode SHA256 value from Hex xyz"));
  CHECK(Has(refused(hashed + R"("command":"/bin/true","sharing":"all"})"),
            R"(sharing \"all\" is not one of mount, namespace, global)"));
  CHECK(Has(refused(hashed + R"("command":"/bin/true","timeouts":{"stop":1}})"),
            R"(timeouts has no \"stop\")"));
  CHECK(Has(refused(hashed + R"("command":"/bin/true","handshake":{"cookie_key":1}})"),
            "handshake.cookie_key is not a string"));
  refused(R"({"sha256":"abcd","command":"/bin/true"})");
  refused(R"({"version":"1.0.0","command":"/bin/true"})");
  refused(hashed + R"("command":"/bin/true","env":["NOVALUE"]})");
  refused(hashed + R"("command":"/bin/true","version":"1.0.0+builtin"})");
  CHECK(server.Body({"GET", kCatalog}, 200) == Envelope(R"({"detailed":[]})"));
}

TEST_CASE("the catalog is listed by type and as a whole", "[api]") {
  Server server;
  CHECK(server.Body({"LIST", kCatalog + "/secret"}, 404) == kNotThere);
  server.Populate();
  const std::string keys = Envelope(R"({"keys":["kv"]})");
  CHECK(server.Body({"LIST", kCatalog + "/secret"}, 200) == keys);
  CHECK(server.Body({"LIST", kCatalog + "/secret/"}, 200) == keys);
  CHECK(server.Body({"GET", kCatalog + "/secret?list=true"}, 200) == keys);
  CHECK(server.Body({"GET", kCatalog + "/secret?list=True"}, 200) == keys);
  CHECK(server.Body({"GET", kCatalog + "/secret"}, 405) == Multi("unsupported operation"));
  CHECK(server.Body({"LIST", kCatalog}, 405) == Multi("unsupported operation"));
  CHECK(server.Body({"GET", kCatalog}, 200) ==
        Envelope(R"({"auth":["ldap"],"database":["pg"],"secret":["kv"],"detailed":[)"
                 R"({"type":"auth","name":"ldap","version":"v1.0.0","builtin":false},)"
                 R"({"type":"database","name":"pg","version":"v1.0.0","builtin":false},)"
                 R"({"type":"secret","name":"kv","version":"v1.0.0","builtin":false},)"
                 R"({"type":"secret","name":"kv","version":"v2.0.0","builtin":false}]})"));
}

TEST_CASE("a version in use is removed with a warning that names its mounts", "[api]") {
  Server server;
  server.Populate();
  const std::string body = server.Body({"DELETE", kCatalog + "/secret/kv?version=1.0.0"}, 200);
  CHECK(Has(body, R"(secret plugin \"kv\" version v1.0.0 is used by 3 mounts (kv/, team/kv/, )"
                  R"(team/a/kv/): what runs goes on)"));
  CHECK(server.Running("", "kv/x") == "v1.0.0");
  CHECK(Has(server.Body({"POST", "/v1/sys/plugins/reload/secret/kv"}, 500), "3 errors occurred"));
  CHECK(server.Running("", "kv/x") == "v1.0.0");
  server.Must({"DELETE", kCatalog + "/secret/kv?version=1.0.0"}, 204);
  server.Must({"DELETE", kCatalog + "/secret/kv?version=2.0.0"}, 204);
  server.Must({"DELETE", kCatalog + "/secret/none"}, 204);
}

TEST_CASE("a version in use can be refused to go, unless forced", "[api]") {
  Server server([](RuntimeOptions& options) { options.refuse_deregister_in_use = true; });
  server.Populate();
  const std::string target = kCatalog + "/secret/kv?version=1.0.0";
  CHECK(Has(server.Body({"DELETE", target}, 400), "is used by 3 mounts"));
  server.Must({"GET", target}, 200);
  server.Must({"DELETE", target + "&force=true"}, 200);
  server.Must({"GET", target}, 404);
}

TEST_CASE("pins are set, read, listed and removed as in Vault", "[api]") {
  Server server;
  server.Populate();
  const std::string kv = kPins + "/secret/kv";
  const std::string none = Envelope(R"({"pinned_versions":[]})");
  const std::string pin = R"({"name":"kv","type":"secret","version":"v2.0.0"})";
  CHECK(server.Body({"GET", kPins}, 200) == none);
  CHECK(server.Body({"GET", kv}, 404) == Multi("no pinned version for this plugin"));
  CHECK(server.Body({"POST", kv, R"({"version":"2.0.0"})"}, 200) == Envelope("null"));
  CHECK(server.Body({"GET", kv}, 200) == Envelope(pin));
  CHECK(server.Body({"GET", kPins + "/"}, 200) == Envelope(R"({"pinned_versions":[)" + pin + "]}"));
  CHECK(server.Body({"DELETE", kCatalog + "/secret/kv?version=2.0.0"}, 500) ==
        Multi("cannot delete a pinned version"));
  CHECK(server.Body({"DELETE", kv}, 200) == Envelope("null"));
  CHECK(server.Body({"DELETE", kv}, 200) == Envelope("null"));
  CHECK(server.Body({"GET", kPins}, 200) == none);
}

TEST_CASE("a pin that cannot be is refused with Vault's text", "[api]") {
  Server server;
  server.Populate();
  const std::string kv = kPins + "/secret/kv";
  CHECK(server.Body({"POST", kv}, 400) == Errors("missing plugin version"));
  CHECK(server.Body({"POST", kv, R"({"version":"x"})"}, 400)
            .starts_with(R"({"errors":["version \"x\" is not a valid semantic version: )"));
  CHECK(server.Body({"POST", kv, R"({"version":"9.0.0"})"}, 400) ==
        Errors("plugin not found in the catalog; secret plugin \"kv\" version v9.0.0 does not "
               "exist"));
  CHECK(server.Body({"LIST", kPins}, 405) == Multi("unsupported operation"));
  CHECK(server.Body({"GET", kPins + "/unknown/kv"}, 404) == Multi("unsupported path"));
  CHECK(server.Body({"GET", kPins + "/secret"}, 404) == Multi("unsupported path"));
}

}  // namespace
}  // namespace plugreload::test
