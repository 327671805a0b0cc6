// Pins and the version that runs: sections 3.4 and 3.5 of the reference.
#include <string>

#include "api/conformance.hpp"

namespace plugreload::test {
namespace {

const std::string kPins = "/v1/sys/plugins/pins";
const std::string kKv = kPins + "/secret/kv";
const std::string kReload = "/v1/sys/plugins/reload/secret/kv";
const std::string kMount = "/v1/sys/mounts/kv";
const std::string kTune = kMount + "/tune";

std::string Pinned(const std::string& version) {
  return R"({"name":"kv","type":"secret","version":")" + version + "\"}";
}
std::string List(const std::string& pins) {
  return Envelope(R"({"pinned_versions":[)" + pins + "]}");
}
// A mount with these versions.
std::string Versions(const std::string& configured, const std::string& running) {
  return R"(<..>"plugin_version":")" + configured + R"(","running_plugin_version":")" + running +
         "\"<..>";
}

TEST_CASE("pins answer as Vault does", "[api]") {
  Server server;
  server.Populate();
  const std::string none = Multi("no pinned version for this plugin");
  CheckRows(server, {
                        {{"GET", kPins}, 200, List("")},
                        {{"GET", kPins + "/"}, 200, List("")},
                        {{"LIST", kPins}, 405, kNoOperation},
                        {{"GET", kPins + "?list=true"}, 405, kNoOperation},
                        {{"GET", kKv}, 404, none},
                        {{"GET", kPins + "/secret/none"}, 404, none},
                        {{"DELETE", kKv}, 200, kEmpty},
                        {{"POST", kKv, R"({"version":"v1.0.0"})"}, 200, kEmpty},
                        {{"PUT", kKv, R"({"version":"1.0"})"}, 200, kEmpty},
                        {{"GET", kKv}, 200, Envelope(Pinned("v1.0.0"))},
                        {{"POST", kKv, "version=2.0.0", "", "root", kForm}, 200, kEmpty},
                        {{"GET", kKv}, 200, Envelope(Pinned("v2.0.0"))},
                        {{"GET", kPins}, 200, List(Pinned("v2.0.0"))},
                        {{"DELETE", "/v1/sys/plugins/catalog/secret/kv?version=2.0.0"},
                         500,
                         Multi("cannot delete a pinned version")},
                        {{"DELETE", kKv}, 200, kEmpty},
                        {{"DELETE", kKv}, 200, kEmpty},
                        {{"GET", kPins}, 200, List("")},
                        {{"GET", kPins, "", "team"}, 404, kNoPath},
                        {{"POST", kKv, R"({"version":"1.0.0"})", "team"}, 404, kNoPath},
                    });
}

TEST_CASE("a pin that cannot be is refused as in Vault", "[api]") {
  Server server;
  server.Populate();
  CheckRows(
      server,
      {
          {{"POST", kKv}, 400, Errors("missing plugin version")},
          {{"POST", kKv, R"({"version":""})"}, 400, Errors("missing plugin version")},
          {{"POST", kKv, R"({"version":null})"}, 400, Errors("missing plugin version")},
          {{"POST", kKv, R"({"version":"x"})"},
           400,
           R"({"errors":["version \"x\" is not a valid semantic version: <..>"]})"
           "\n"},
          {{"POST", kKv, R"({"version":"1.0.0+builtin.vault"})"},
           400,
           Errors("cannot pin a builtin plugin: \"v1.0.0+builtin.vault\"")},
          {{"POST", kKv, R"({"version":{}})"}, 400, "{\"errors\":[\"Field validation failed: <..>"},
          {{"POST", kKv, R"({"version":"v9.0.0"})"},
           400,
           Errors("plugin not found in the catalog; secret plugin \"kv\" version v9.0.0 does not "
                  "exist")},
          {{"POST", kPins + "/auth/kv", R"({"version":"1.0.0"})"},
           400,
           Errors("plugin not found in the catalog; auth plugin \"kv\" version v1.0.0 does not "
                  "exist")},
          {{"POST", kPins + "/unknown/kv", R"({"version":"1.0.0"})"}, 404, kNoPath},
          {{"GET", kPins + "/secret"}, 404, kNoPath},
          {{"GET", kPins + "/secret/a/b"}, 404, kNoPath},
          {{"GET", kPins + "/secret/-kv"}, 404, kNoPath},
          {{"POST", kKv + "/", "{}"}, 400, kSlash},
          {{"PATCH", kKv, "{}"}, 405, kNoOperation},
      });
}

TEST_CASE("a pin changes nothing until the reload, then it wins", "[api]") {
  Server server;
  server.Populate();
  const std::string reloaded = "<..>\"reloaded\":3<..>";
  CheckRows(
      server,
      {
          {{"GET", kMount}, 200, Versions("v1.0.0", "v1.0.0")},
          {{"POST", kKv, R"({"version":"2.0.0"})"}, 200, kEmpty},
          {{"GET", kMount}, 200, Versions("v1.0.0", "v1.0.0")},
          {{"GET", kMount}, 200, "<..>\"reload_needed\":true<..>"},
          {{"POST", kReload}, 200, reloaded},
          {{"GET", kMount}, 200, Versions("v1.0.0", "v2.0.0")},
          {{"GET", kMount}, 200, "<..>\"reload_needed\":false<..>"},
          {{"GET", kTune},
           200,
           R"(<..>"warnings":["plugin_version is configured as v1.0.0 but a version pin for v2.0.0 )"
           R"(is in effect"]<..>)"},
          {{"DELETE", kKv}, 200, kEmpty},
          {{"GET", kMount}, 200, Versions("v1.0.0", "v2.0.0")},
          {{"POST", kReload}, 200, reloaded},
          {{"GET", kMount}, 200, Versions("v1.0.0", "v1.0.0")},
      });
}

TEST_CASE("a pin is in the way of other versions as in Vault", "[api]") {
  Server server;
  server.Populate();
  const std::string first = R"({"type":"kv","plugin_version":"1.0.0"})";
  CheckRows(
      server,
      {
          {{"POST", kKv, R"({"version":"2.0.0"})"}, 200, kEmpty},
          {{"POST", "/v1/sys/mounts/x", first},
           400,
           Errors("cannot specify plugin_version for secret plugin \"kv\", as it is pinned to "
                  "version v2.0.0")},
          {{"POST", kTune, R"({"plugin_version":"1.0.0"})"},
           400,
           Errors("plugin_version cannot be set for secret plugin \"kv\" as a pinned version "
                  "v2.0.0 is in effect.")},
          // The pinned version becomes the mount's own, and stays it.
          {{"POST", "/v1/sys/mounts/x", R"({"type":"kv"})"}, 204, ""},
          // The very version that is pinned is in nobody's way: a difference that is meant.
          {{"POST", "/v1/sys/mounts/w", R"({"type":"kv","plugin_version":"2.0.0"})"}, 204, ""},
          {{"DELETE", "/v1/sys/mounts/w"}, 204, ""},
          {{"DELETE", kKv}, 200, kEmpty},
          {{"POST", kReload}, 200, "<..>\"reloaded\":4<..>"},
          {{"GET", "/v1/sys/mounts/x"}, 200, Versions("v2.0.0", "v2.0.0")},
          // Enterprise: the configured version beats the pin.
          {{"POST", kKv, R"({"version":"2.0.0"})"}, 200, kEmpty},
          {{"POST", "/v1/sys/mounts/y",
            R"({"type":"kv","config":{"plugin_version":"1.0.0","override_pinned_version":true}})"},
           204,
           ""},
          {{"GET", "/v1/sys/mounts/y"}, 200, Versions("v1.0.0", "v1.0.0")},
          {{"POST", kTune, R"({"plugin_version":"1.0.0","override_pinned_version":true})"},
           204,
           ""},
          {{"POST", kReload}, 200, "<..>\"reloaded\":5<..>"},
          {{"GET", kMount}, 200, Versions("v1.0.0", "v1.0.0")},
          {{"GET", kTune}, 200, "<..>\"override_pinned_version\":true}<..>\"warnings\":null<..>"},
          {{"POST", "/v1/sys/mounts/z", R"({"type":"kv","override_pinned_version":"maybe"})"},
           400,
           "<..>expected true or false<..>"},
      });
}

TEST_CASE("a mount without a version takes the one that Vault takes", "[api]") {
  Server server;
  server.Populate();
  const std::string callback = R"({"launcher":"callback")";
  CheckRows(server, {
                        // The highest; once there is one without a version, that one.
                        {{"POST", "/v1/sys/mounts/a", R"({"type":"kv"})"}, 204, ""},
                        {{"GET", "/v1/sys/mounts/a"}, 200, Versions("v2.0.0", "v2.0.0")},
                        {{"POST", "/v1/sys/plugins/catalog/secret/kv", callback + "}"}, 204, ""},
                        {{"POST", "/v1/sys/mounts/b", R"({"type":"kv"})"}, 204, ""},
                        {{"GET", "/v1/sys/mounts/b"}, 200, Versions("", "")},
                        {{"POST", "/v1/sys/mounts/c", R"({"type":"kv","plugin_version":"3.0.0"})"},
                         400,
                         Errors("plugin not found in the catalog: kv, version=v3.0.0")},
                        {{"POST", "/v1/sys/mounts/c", R"({"type":"kv","plugin_version":"x"})"},
                         400,
                         R"(<..>version \"x\" is not a valid semantic version<..>)"},
                        {{"POST", kTune, R"({"plugin_version":""})"},
                         400,
                         R"(<..>version \"\" is not a valid semantic version<..>)"},
                        {{"POST", kTune, R"({"plugin_version":"3.0.0"})"},
                         400,
                         Errors("plugin not found in the catalog: kv, version=v3.0.0")},
                        {{"POST", kTune, R"({"plugin_version":"2.0.0"})"}, 204, ""},
                        {{"GET", kMount}, 200, Versions("v2.0.0", "v1.0.0")},
                        {{"POST", "/v1/sys/plugins/reload/backend", R"({"mounts":"kv"})"},
                         200,
                         "<..>\"rule\":\"stored\"<..>"},
                        {{"GET", kMount}, 200, Versions("v2.0.0", "v2.0.0")},
                        // A secret plugin first, else a database plugin.
                        {{"GET", "/v1/sys/mounts/pg"}, 200, "<..>\"plugin_type\":\"database\"<..>"},
                        {{"POST", "/v1/sys/plugins/catalog/database/kv", callback + "}"}, 204, ""},
                        {{"POST", "/v1/sys/mounts/d", R"({"type":"kv"})"}, 204, ""},
                        {{"GET", "/v1/sys/mounts/d"}, 200, "<..>\"plugin_type\":\"secret\"<..>"},
                        // Read leniently: v1 is v1.0.0.
                        {{"POST", kTune, R"({"plugin_version":"v1"})"}, 204, ""},
                        {{"GET", kTune}, 200, "<..>\"plugin_version\":\"v1.0.0\"<..>"},
                    });
}

}  // namespace
}  // namespace plugreload::test
