// The request line, the body and the namespace: sections 1.1 to 1.3, 1.8 and 5.1 of the reference.
#include <string>
#include <vector>

#include "api/conformance.hpp"

namespace plugreload::test {
namespace {

const std::string kBackend = "/v1/sys/plugins/reload/backend";
const std::string kRoot = "/v1/sys/plugins/reload/";

TEST_CASE("the reload endpoints exist for writes and with these names only", "[api]") {
  Server server;
  server.Populate();
  CheckRows(server, {
                        {{"GET", kBackend}, 405, kNoOperation},
                        {{"LIST", kBackend}, 405, kNoOperation},
                        {{"DELETE", kBackend}, 405, kNoOperation},
                        {{"PATCH", kBackend}, 405, kNoOperation},
                        {{"HEAD", kBackend}, 405, kNoOperation},
                        {{"GET", kRoot + "secret/kv"}, 405, kNoOperation},
                        {{"LIST", kRoot + "secret/kv"}, 405, kNoOperation},
                        {{"DELETE", kRoot + "secret/kv"}, 405, kNoOperation},
                        {{"PATCH", kRoot + "secret/kv", "{}"}, 405, kNoOperation},
                        {{"HEAD", kRoot + "secret/kv"}, 405, kNoOperation},
                        {{"OPTIONS", kRoot + "secret/kv"}, 405, kNotThere},
                        {{"OPTIONS", kBackend}, 405, kNotThere},
                        {{"BREW", kBackend}, 405, kNotThere},
                        {{"POST", kBackend + "/"}, 400, kSlash},
                        {{"PUT", kRoot + "auth/"}, 400, kSlash},
                        {{"POST", kRoot + "auth/x/"}, 400, kSlash},
                        {{"PATCH", kBackend + "/", "{}"}, 400, kSlash},
                        {{"GET", kBackend + "/"}, 404, kNoPath},
                        {{"DELETE", kBackend + "/"}, 404, kNoPath},
                        {{"GET", kRoot + "secret/kv/"}, 404, kNoPath},
                        {{"POST", kRoot + "foo/x"}, 404, kNoPath},
                        {{"POST", kRoot + "auth"}, 404, kNoPath},
                        // What the command line of Vault sends for -mounts without a namespace.
                        {{"PUT", kRoot + "unknown", R"({"scope":""})"}, 404, kNoPath},
                        {{"POST", kRoot + "secret/a/b"}, 404, kNoPath},
                        {{"POST", kRoot + "secret/-a"}, 404, kNoPath},
                        {{"POST", kRoot + "secret/.a"}, 404, kNoPath},
                        {{"POST", kRoot + "secret/a-"}, 404, kNoPath},
                        {{"POST", kRoot + "secret/a."}, 404, kNoPath},
                        {{"POST", kRoot + "secret/a%2Fb"}, 404, kNoPath},
                        {{"POST", kRoot + "backend/x"}, 404, kNoPath},
                        {{"POST", "/v1/sys//plugins/reload/backend"}, 404, kNoPath},
                        {{"POST", "/v1/sys/../sys/plugins/reload/backend"}, 404, kNoPath},
                        {{"POST", "/v1/"}, 404, kNoPath},
                        {{"GET", "/v1/"}, 404, kNoPath},
                        {{"POST", "/sys/plugins/reload/backend"}, 404, kNotThere},
                        {{"POST", "/V1/sys/plugins/reload/backend"}, 404, kNotThere},
                        {{"POST", ""}, 404, kNotThere},
                        {{"POST", "/v1/%"}, 400, Errors("invalid percent-encoding in the URL")},
                    });
}

TEST_CASE("the fields of a reload are checked in Vault's order", "[api]") {
  Server server;
  server.Populate();
  const std::string scope = Errors("reload scope must be omitted or 'global'");
  const std::string both = Errors("plugin and mounts cannot be set at the same time");
  const std::string neither = Errors("plugin or mounts must be provided");
  const auto wrong = [](const std::string& field, const std::string& why) {
    return Errors("Field validation failed: error converting input for field \"" + field +
                  "\": " + why);
  };
  CheckRows(
      server,
      {
          {{"POST", kBackend}, 400, neither},
          {{"POST", kBackend, " \n"}, 400, neither},
          {{"POST", kBackend, "null"}, 400, neither},
          {{"POST", kBackend, "{}", "", "root", "text/plain"}, 400, neither},
          {{"POST", kBackend, R"({"plugin":"","mounts":""})"}, 400, neither},
          {{"POST", kBackend, R"({"plugin":null,"mounts":null,"scope":null})"}, 400, neither},
          {{"POST", kBackend, R"({"mounts":[]})"}, 400, neither},
          {{"POST", kBackend + "?plugin=kv"}, 400, neither},
          // An error has no warnings beside it.
          {{"POST", kBackend, R"({"z":1})"}, 400, neither},
          {{"POST", kBackend, "{}", "", "root", "application/json; charset=utf-8"}, 400, neither},
          {{"POST", kBackend, "plugin=&mounts=&scope=", "", "root", kForm}, 400, neither},
          {{"POST", kBackend, R"({"plugin":"kv","mounts":["kv/"]})"}, 400, both},
          {{"POST", kBackend, R"({"plugin":"kv","mounts":["kv/"],"scope":"all"})"}, 400, scope},
          {{"POST", kBackend, R"({"scope":"GLOBAL"})"}, 400, scope},
          {{"POST", kBackend, R"({"scope":5})"}, 400, scope},
          {{"POST", kBackend, "scope=all&plugin=kv", "", "root", kForm}, 400, scope},
          {{"POST", kRoot + "secret/kv", R"({"scope":"local"})"}, 400, scope},
          {{"POST", kBackend, R"({"mounts":{},"scope":"all"})"},
           400,
           wrong("mounts", "expected an array or a comma separated string, got object")},
          {{"POST", kBackend, R"({"plugin":[]})"},
           400,
           wrong("plugin", "expected a string, got array")},
          // A name that comes twice in a form is a list.
          {{"POST", kBackend, "plugin=kv&plugin=kv", "", "root", kForm},
           400,
           wrong("plugin", "expected a string, got array")},
          {{"POST", kRoot + "secret/kv", R"({"scope":{}})"},
           400,
           wrong("scope", "expected a string, got object")},
          {{"POST", kBackend, R"({"plugin":"kv","order":"x"})"},
           400,
           Errors("order must be 'start_first' or 'stop_first'")},
          {{"POST", kBackend, R"({"plugin":"kv","policy":"x"})"},
           400,
           Errors("policy must be 'best_effort' or 'all_or_nothing'")},
          {{"POST", kBackend, R"({"plugin":"kv","start_timeout":"soon"})"},
           400,
           wrong("start_timeout",
                 "expected a duration such as \"10s\", \"500ms\" or seconds, got \"soon\"")},
      });
}

TEST_CASE("what is wrong is looked for in Vault's order", "[api]") {
  Server server;
  const std::string json = R"({"errors":["error parsing JSON<..>)";
  CheckRows(server, {
                        {{"POST", kBackend + "/", "{"}, 400, json},
                        {{"POST", kRoot + "foo/x", "{"}, 400, json},
                        {{"POST", kRoot + "foo/x/", R"({"scope":5})"}, 400, kSlash},
                        {{"POST", kRoot + "foo/x", R"({"scope":5})"}, 404, kNoPath},
                        {{"PATCH", kBackend, R"({"plugin":[]})"}, 405, kNoOperation},
                        // What reads has no body.
                        {{"GET", kBackend, "{"}, 405, kNoOperation},
                        {{"DELETE", kRoot + "foo/x", "{"}, 404, kNoPath},
                    });
}

TEST_CASE("a body that is no object is refused before anything else", "[api]") {
  Server server;
  for (const char* body : {"{", "{]", "[]", "1", "\"x\"", R"({"plugin":)", "{}{}", "\x01"}) {
    const Response response = server.Call({"POST", kBackend, body});
    INFO(body << " " << response.body);
    CHECK(response.status == 400);
    CHECK(response.body.starts_with(R"({"errors":["error parsing JSON)"));
  }
  CHECK(server.Call({"POST", kBackend, std::string(10'000'000, '[')}).status == 400);
  CHECK(server.Call({"POST", kBackend, std::string(1000, '{')}).status == 400);
}

TEST_CASE("a body above the limit is 413", "[api]") {
  Server server([](RuntimeOptions& options) { options.max_body_bytes = 64; });
  CHECK(server.Call({"POST", kBackend, R"({"plugin":"none"})"}).status == 200);
  CHECK(server.Call({"POST", kBackend, std::string(65, ' ')}).status == 413);
  CHECK(RuntimeOptions().max_body_bytes == 32 * 1024 * 1024);
  CHECK(RuntimeOptions().dispatch_timeout == Millis{90'000});
}

TEST_CASE("what is for the root only does not exist elsewhere", "[api]") {
  Server server;
  server.Populate();
  CheckRows(
      server,
      {
          {{"POST", kRoot + "secret/kv", "", "team"}, 404, kNoPath},
          {{"POST", "/v1/team/sys/plugins/reload/secret/kv"}, 404, kNoPath},
          {{"GET", "/v1/sys/plugins/catalog", "", "team"}, 404, kNoPath},
          {{"GET", "/v1/sys/plugins/pins", "", "team"}, 404, kNoPath},
          {{"GET", "/v1/sys/plugins/pins/secret/kv", "", "team/a"}, 404, kNoPath},
          {{"DELETE", "/v1/sys/plugins/catalog/secret/kv", "", "team"}, 404, kNoPath},
          {{"POST", "/v1/sys/plugins/reload/backend/rollback", "{}", "team"}, 404, kNoPath},
          {{"GET", "/v1/sys/plugins/running", "", "team"}, 404, kNoPath},
          {{"GET", "/v1/sys/health", "", "team"}, 404, kNoPath},
          {{"GET", "/v1/team/sys/seal-status"}, 404, kNoPath},
          {{"GET", "/v1/sys/metrics", "", "team"}, 404, kNoPath},
          {{"LIST", "/v1/team/a/sys/plugins/catalog/secret"}, 404, kNoPath},
          {{"GET", "/v1/sys/plugins/pins", "", "root"}, 200, Envelope(R"({"pinned_versions":[]})")},
          {{"GET", "/v1/sys/plugins/pins", "", "/"}, 200, Envelope(R"({"pinned_versions":[]})")},
      });
}

TEST_CASE("a namespace is named by the header, by the path, or by both", "[api]") {
  Server server;
  server.Populate();
  const std::string missing = Errors("namespace not found");
  const auto reads = [&](const Line& line) {
    const std::string body = server.Body(line, 200);
    CHECK(Has(body, R"("kv/":{)"));
    return Member(body, "accessor");
  };
  const std::string inner = reads({"GET", "/v1/sys/mounts", "", "team/a"});
  CHECK(reads({"GET", "/v1/team/a/sys/mounts"}) == inner);
  CHECK(reads({"GET", "/v1/a/sys/mounts", "", "team"}) == inner);
  CHECK(reads({"GET", "/v1/a/sys/mounts", "", "/team/"}) == inner);
  CHECK(reads({"GET", "/v1/team/sys/mounts", "", "root"}) != inner);
  CheckRows(server, {
                        {{"GET", "/v1/sys/mounts", "", "nowhere"}, 404, missing},
                        {{"GET", "/v1/sys/mounts", "", "team/nowhere"}, 404, missing},
                        {{"GET", "/v1/sys/mounts", "", "team//a"}, 404, missing},
                        {{"GET", "/v1/sys/mounts", "", "sys"}, 404, missing},
                        {{"GET", "/v1/sys/mounts", "", "root/team"}, 404, missing},
                        {{"GET", "/v1/nowhere/sys/mounts"}, 404, kNoPath},
                        {{"GET", "/v1/root/sys/mounts"}, 404, kNoPath},
                        {{"GET", "/v1//team/sys/mounts"}, 404, kNoPath},
                    });
}

TEST_CASE("the header of the namespace comes back as it was", "[api]") {
  Server server;
  CHECK(server.Call({"GET", "/v1/sys/mounts", "", "/nowhere"}).ns == "/nowhere");
  CHECK(server.Call({"GET", "/v1/sys/mounts"}).ns.empty());
  CHECK(server.Call({"GET", "/v1/sys/mounts", "", "a\r\nX: y"}).ns.empty());
}

}  // namespace
}  // namespace plugreload::test
