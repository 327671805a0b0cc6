// The catalog: section 4 of the reference.
#include <string>

#include "api/conformance.hpp"

namespace plugreload::test {
namespace {

const std::string kCatalog = "/v1/sys/plugins/catalog";
const std::string kKv = kCatalog + "/secret/kv";
const std::string kNew = kCatalog + "/secret/new";
const std::string kSha(64, 'a');
const std::string kHashed = R"({"sha256":")" + kSha + "\"";

std::string Keys(const std::string& keys) { return Envelope(R"({"keys":[)" + keys + "]}"); }
std::string Detail(const std::string& type, const std::string& name, const std::string& version) {
  return R"({"type":")" + type + R"(","name":")" + name + R"(","version":")" + version +
         R"(","builtin":false})";
}

TEST_CASE("the catalog is read and listed as in Vault", "[api]") {
  Server server;
  CheckRows(server, {
                        {{"GET", kCatalog}, 200, Envelope(R"({"detailed":[]})")},
                        {{"LIST", kCatalog + "/secret"}, 404, kNotThere},
                    });
  server.Populate();
  CheckRows(
      server,
      {
          {{"GET", kCatalog},
           200,
           Envelope(R"({"auth":["ldap"],"database":["pg"],"secret":["kv"],"detailed":[)" +
                    Detail("auth", "ldap", "v1.0.0") + "," + Detail("database", "pg", "v1.0.0") +
                    "," + Detail("secret", "kv", "v1.0.0") + "," +
                    Detail("secret", "kv", "v2.0.0") + "]}")},
          {{"GET", kCatalog + "/"}, 200, "<..>\"detailed\":[<..>"},
          {{"LIST", kCatalog}, 405, kNoOperation},
          {{"GET", kCatalog + "?list=true"}, 405, kNoOperation},
          {{"LIST", kCatalog + "/auth"}, 200, Keys("\"ldap\"")},
          {{"LIST", kCatalog + "/auth/"}, 200, Keys("\"ldap\"")},
          {{"GET", kCatalog + "/auth?list=true"}, 200, Keys("\"ldap\"")},
          {{"GET", kCatalog + "/auth?list=True"}, 200, Keys("\"ldap\"")},
          {{"GET", kCatalog + "/auth?list=1"}, 200, Keys("\"ldap\"")},
          {{"GET", kCatalog + "/auth"}, 405, kNoOperation},
          {{"POST", kCatalog, "{}"}, 405, kNoOperation},
          {{"GET", kKv + "?version=1.0.0"},
           200,
           R"(<..>"name":"kv","type":"secret","version":"v1.0.0","builtin":false,<..>)"},
          {{"GET", kKv + "?version=v1"}, 200, "<..>\"version\":\"v1.0.0\"<..>"},
          // Only versioned: not there without ?version=.
          {{"GET", kKv}, 404, kNotThere},
          {{"GET", kKv + "?version=9.9.9"}, 404, kNotThere},
          {{"GET", kCatalog + "/secret/none"}, 404, kNotThere},
          {{"GET", kKv + "?version=x"}, 400, R"(<..>version \"x\" is not a valid semantic<..>)"},
          {{"GET", kCatalog, "", "team"}, 404, kNoPath},
          {{"LIST", kCatalog + "/secret", "", "team"}, 404, kNoPath},
          {{"POST", kKv, "{}", "team"}, 404, kNoPath},
          {{"PATCH", kKv, "{}"}, 405, kNoOperation},
      });
}

TEST_CASE("a registration is accepted as in Vault", "[api]") {
  Server server;
  const std::string command = kHashed + R"(,"command":"/bin/true")";
  CheckRows(
      server,
      {
          {{"POST", kNew, command + "}"}, 204, ""},
          {{"PUT", kNew, command + R"(,"version":"1.0"})"}, 204, ""},
          {{"GET", kNew},
           200,
           R"(<..>"version":"","builtin":false,"command":"/bin/true","args":[],<..>)"},
          {{"GET", kNew + "?version=v1.0.0"}, 200, "<..>\"sha256\":\"" + kSha + "\"<..>"},
          {{"POST", kNew, R"({"sha_256":")" + kSha + R"(","command":"/bin/true -x y"})"}, 204, ""},
          {{"GET", kNew}, 200, R"(<..>"command":"/bin/true","args":["-x","y"]<..>)"},
          {{"POST", kNew, command + R"(,"args":["a b"],"env":["K=secret"]})"}, 204, ""},
          {{"GET", kNew}, 200, R"(<..>"args":["a b"],"sha256"<..>)"},
          {{"POST", kNew, command + R"(,"args":null,"env":null,"version":null})"}, 204, ""},
          {{"POST", kNew, "sha256=" + kSha + "&command=%2Fbin%2Ftrue", "", "root", kForm}, 204, ""},
          {{"POST", kNew, "sha256=" + kSha + "&command=%2Fbin%2Ftrue&args=-x&args=y+z", "", "root",
            kForm},
           204,
           ""},
          {{"GET", kNew}, 200, R"(<..>"args":["-x","y z"]<..>)"},
          {{"POST", kNew, command + R"(,"z":1,"type":"auth"})"}, 204, ""},
          // The same version with another sum; it is looked at when it is started.
          {{"POST", kNew, command + R"(,"version":"1.0.0"})"}, 204, ""},
          {{"POST", kNew,
            R"({"command":"/bin/true","version":"1.0.0","sha256":")" + std::string(64, 'b') +
                "\"}"},
           204,
           ""},
          {{"GET", kNew + "?version=1.0.0"},
           200,
           "<..>\"sha256\":\"" + std::string(64, 'b') + "<..>"},
          // A name with a slash can be registered, but not reloaded by its URL.
          {{"POST", kCatalog + "/secret/a/b", command + "}"}, 204, ""},
          {{"GET", kCatalog + "/secret/a/b"}, 200, "<..>\"name\":\"a/b\"<..>"},
          {{"POST", "/v1/sys/plugins/reload/secret/a/b"}, 404, kNoPath},
          {{"LIST", kCatalog + "/secret"}, 200, Keys(R"("a/b","new")")},
          {{"DELETE", kNew}, 204, ""},
          {{"DELETE", kNew}, 204, ""},
          {{"DELETE", kNew + "?version=1.0.0"}, 204, ""},
          {{"GET", kNew + "?version=1.0.0"}, 404, kNotThere},
      });
}

TEST_CASE("a registration is refused as in Vault", "[api]") {
  Server server;
  const auto text = [](const std::string& part) {
    return "{\"errors\":[\"<..>" + part + "<..>\"]}\n";
  };
  const auto inside = [](const std::string& part) {
    return "{\"errors\":[\"1 error occurred:\\n\\t* <..>" + part + "<..>\\n\\n\"]}\n";
  };
  CheckRows(
      server,
      {
          {{"POST", kNew, R"({"version":"one"})"},
           400,
           text(R"(version \"one\" is not a valid semantic version: )")},
          {{"POST", kNew, kHashed + R"(,"command":"/bin/true","version":"1.0.0+builtin"})"},
           400,
           Errors(
               "version \"v1.0.0+builtin\" is not allowed because 'builtin' is a reserved metadata "
               "identifier")},
          {{"POST", kNew, R"({"download":true})"},
           400,
           Errors("download is an enterprise only feature")},
          // The first of two mistakes is told.
          {{"POST", kNew, R"({"download":true,"version":"one"})"},
           400,
           text(R"(version \"one\" is not a valid semantic version: )")},
          {{"POST", kNew, R"({"download":true,"version":"1.0.0+builtin"})"},
           400,
           text("'builtin' is a reserved metadata identifier")},
          {{"POST", kNew, R"({"command":"/bin/true -x","args":["y"],"oci_image":"x"})"},
           400,
           text("must provide at least one of sha256 or version")},
          {{"POST", kNew, R"({"sha256":"xyz","command":"/bin/true -x","args":["y"]})"},
           400,
           Errors("must not specify args in command and args field")},
          {{"POST", kNew, R"({"sha256":"xyz","command":"relative"})"},
           400,
           text("Could not decode SHA256 value from Hex xyz: ")},
          {{"POST", kCatalog + "/secret/", kHashed + "}"}, 400, kSlash},
          {{"POST", kNew, R"({"command":"/bin/true"})"},
           400,
           Errors("must provide at least one of sha256 or version: use sha256 for binary "
                  "registration (version optional) or version only for artifact registration")},
          {{"POST", kNew}, 400, text("must provide at least one of sha256 or version")},
          {{"POST", kNew, kHashed + "}"},
           400,
           Errors("must provide at least one of command or oci_image")},
          {{"POST", kNew, kHashed + R"(,"command":"/bin/true -x","args":["y"]})"},
           400,
           Errors("must not specify args in command and args field")},
          {{"POST", kNew, R"({"sha256":"xyz","command":"/bin/true"})"},
           400,
           text("Could not decode SHA256 value from Hex xyz: ")},
          {{"POST", kNew, R"({"sha256":"abcd","command":"/bin/true"})"},
           400,
           text("Could not decode SHA256 value from Hex abcd: ")},
          {{"POST", kNew, kHashed + R"(,"oci_image":"x"})"},
           400,
           Errors("oci_image is not supported")},
          {{"POST", kNew, kHashed + R"(,"command":"/bin/true","runtime":"x"})"},
           400,
           Errors("runtime is not supported")},
          {{"POST", kNew, kHashed + R"(,"command":"relative"})"},
           500,
           inside("could not set plugin, plugin directory is not configured")},
          {{"POST", kNew, kHashed + R"(,"command":"/bin/../bin/true"})"},
           500,
           inside("must not contain")},
          {{"POST", kNew, R"({"sha256":{}})"},
           400,
           Errors(
               "Field validation failed: error converting input for field \"sha256\": expected a "
               "string, got object")},
          {{"GET", kCatalog}, 200, Envelope(R"({"detailed":[]})")},
      });
}

TEST_CASE("paths of the catalog without a type answer as in Vault", "[api]") {
  Server server;
  server.Populate();
  CheckRows(
      server,
      {
          {{"GET", kCatalog + "/kv"},
           200,
           Envelope(
               "null",
               R"(["Deprecated API endpoint, cannot read plugin information from catalog for \"kv\""])")},
          {{"DELETE", kCatalog + "/kv"},
           200,
           Envelope(
               "null",
               R"(["Deprecated API endpoint, cannot deregister plugin from catalog for \"kv\""])")},
          // A program of this launcher has no way to tell its type.
          {{"POST", kCatalog + "/kv", kHashed + R"(,"command":"/bin/true"})"},
           400,
           R"(<..>unable to determine plugin type: <..>register it at<..>)"},
          {{"LIST", kCatalog + "/unknown"}, 405, kNoOperation},
      });
}

TEST_CASE("a removal answers as in Vault, and warns where Vault does not", "[api]") {
  Server server;
  server.Populate();
  const std::string pin = "/v1/sys/plugins/pins/secret/kv";
  CheckRows(
      server,
      {
          {{"DELETE", kCatalog + "/secret/none"}, 204, ""},
          {{"DELETE", kCatalog + "/auth/none?version=v1.0.0"}, 204, ""},
          {{"DELETE", kKv}, 204, ""},
          {{"DELETE", kKv + "?version=x"}, 400, R"(<..>version \"x\" is not a valid semantic<..>)"},
          {{"DELETE", kKv + "?version=1.0.0%2Bbuiltin"},
           400,
           Errors("version \"v1.0.0+builtin\" cannot be deleted")},
          {{"POST", pin, R"({"version":"2.0.0"})"}, 200, kEmpty},
          {{"DELETE", kKv + "?version=2.0.0"}, 500, Multi("cannot delete a pinned version")},
          {{"DELETE", kKv + "?version=1.0.0"}, 200, "<..>\"warnings\":[\"secret plugin <..>"},
          {{"DELETE", kKv + "?version=1.0.0"}, 204, ""},
          {{"GET", kKv + "?version=1.0.0"}, 404, kNotThere},
          // What ran of it is not touched.
          {{"GET", "/v1/sys/mounts/kv"}, 200, "<..>\"running_plugin_version\":\"v1.0.0\"<..>"},
          {{"DELETE", pin}, 200, kEmpty},
          {{"POST", "/v1/sys/plugins/reload/backend", R"({"mounts":"kv"})"},
           500,
           Failed({R"(cannot reload plugin on "kv/": plugin not found in the catalog: kv, )"
                   R"(version=v1.0.0)"})},
          {{"GET", "/v1/sys/mounts/kv"}, 200, "<..>\"running_plugin_version\":\"v1.0.0\"<..>"},
      });
}

TEST_CASE("versions are listed in their order, not in that of their text", "[api]") {
  Server server;
  server.Populate();
  const std::string callback = R"({"launcher":"callback")";
  const std::string v = R"({"type":"secret","name":"kv","version":")",
                    end = R"(","builtin":false},)";
  CheckRows(server,
            {
                {{"POST", kKv, callback + R"(,"version":"10.0.0"})"}, 204, ""},
                {{"POST", kKv, callback + R"(,"version":"10.0.0-rc1"})"}, 204, ""},
                {{"POST", kKv, callback + "}"}, 204, ""},
                {{"GET", kCatalog},
                 200,
                 "<..>" + v + end + v + "v1.0.0" + end + v + "v2.0.0" + end + v + "v10.0.0-rc1" +
                     end + v + "v10.0.0" + R"(","builtin":false}]<..>)"},
                // No runtimes of containers.
                {{"GET", "/v1/sys/plugins/runtimes/catalog"}, 404, kNoPath},
                {{"LIST", "/v1/sys/plugins/runtimes/catalog"}, 404, kNoPath},
                {{"POST", "/v1/sys/plugins/runtimes/catalog/container/x", "{}"}, 404, kNoPath},
            });
}

}  // namespace
}  // namespace plugreload::test
