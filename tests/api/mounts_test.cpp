// sys/mounts, sys/auth and sys/remount.
#include <string>

#include "api/server.hpp"

namespace plugreload::test {
namespace {

const std::string kMounts = "/v1/sys/mounts";
const std::string kAuth = "/v1/sys/auth";

TEST_CASE("mounts are listed under data and at top level, with Vault's fields", "[api]") {
  Server server;
  server.Populate();
  const std::string body = server.Body({"GET", kMounts}, 200);
  CHECK(body.starts_with(R"({"kv/":{"accessor":"kv_)"));
  CHECK(Has(body, R"("data":{"kv/":{"accessor":"kv_)"));
  CHECK_FALSE(Has(body, "ldap"));
  CHECK_FALSE(Has(body, "team"));
  for (const char* field :
       {R"("type":"kv")", R"("description":"")", R"("options":null)",
        R"("config":{"default_lease_ttl":0,"max_lease_ttl":0,"force_no_cache":false})",
        R"("plugin_version":"v1.0.0")", R"("running_plugin_version":"v1.0.0")",
        R"("running_sha256":"")", R"("local":false)", R"("seal_wrap":false)",
        R"("state":"serving")", R"("generation":1)", R"("plugin_type":"database")"}) {
    INFO(field);
    CHECK(Has(body, field));
  }
  const std::string auth = server.Body({"GET", kAuth + "/"}, 200);
  CHECK(auth.starts_with(R"({"ldap/":{"accessor":"auth_ldap_)"));
  CHECK_FALSE(Has(auth, "\"kv/\""));
}

TEST_CASE("one mount is read by its path", "[api]") {
  Server server;
  server.Populate();
  for (const char* target : {"/kv", "/kv/"}) {
    const std::string body = server.Body({"GET", kMounts + target}, 200);
    CHECK(body.starts_with(R"({"accessor":"kv_)"));
    CHECK(Has(body, R"("data":{"accessor":"kv_)"));
  }
  CHECK(server.Call({"GET", kAuth + "/ldap"}).status == 200);
  CHECK(server.Body({"GET", kMounts + "/none"}, 400) == Errors("No secret engine mount at none/"));
  CHECK(server.Body({"GET", kAuth + "/none"}, 400) == Errors("No auth engine at none/"));
  CHECK(server.Call({"GET", kMounts + "/kv", "", "other"}).status == 400);
}

TEST_CASE("a plugin is mounted by name in the version that is asked for", "[api]") {
  Server server;
  server.Populate();
  server.Must({"POST", kMounts + "/a/b",
               R"({"type":"kv","config":{"plugin_version":"v1.0.0"},)"
               R"("description":"d","options":{"k":"v"},"local":false,"seal_wrap":false})"},
              204);
  CHECK(server.Running("", "a/b/x") == "v1.0.0");
  const std::string body = server.Body({"GET", kMounts + "/a/b"}, 200);
  CHECK(Has(body, R"("description":"d","options":{"k":"v"})"));
  server.Must({"PUT", kMounts + "/high", R"({"type":"kv"})"}, 204);
  CHECK(server.Running("", "high/x") == "v2.0.0");
  server.Must({"POST", kMounts + "/old", R"({"type":"plugin","plugin_name":"kv"})"}, 204);
  CHECK(Member(server.Body({"GET", kMounts + "/old"}, 200), "type") == "kv");
}

TEST_CASE("a lazy mount waits for its first request", "[api]") {
  Server server;
  server.Populate();
  server.Must({"POST", kMounts + "/lazy", R"({"type":"kv","start":"lazy"})"}, 204);
  const std::string before = server.Body({"GET", kMounts + "/lazy"}, 200);
  CHECK(Member(before, "state") == "idle");
  CHECK(Member(before, "running_plugin_version").empty());
  CHECK(server.Running("", "lazy/x") == "v2.0.0");
  CHECK(Member(server.Body({"GET", kMounts + "/lazy"}, 200), "state") == "serving");
}

TEST_CASE("a mount that cannot be is refused and not there", "[api]") {
  Server server;
  server.Populate();
  server.plugins().Break("kv v2.0.0");
  const auto refused = [&](const std::string& target, const std::string& body) {
    const Response response = server.Call({"POST", target, body});
    INFO(target << " " << body << " " << response.body);
    CHECK(response.status == 400);
    return response.body;
  };
  const std::string kv = R"({"type":"kv","plugin_version":"1.0.0"})";
  CHECK(refused(kMounts + "/x", "") == Errors("backend type must be specified as a string"));
  CHECK(refused(kMounts + "/x", R"({"type":"none"})") ==
        Errors("plugin not found in the catalog: none"));
  CHECK(refused(kMounts + "/x", R"({"type":"kv","plugin_version":"9.0.0"})") ==
        Errors("plugin not found in the catalog: kv, version=v9.0.0"));
  CHECK(refused(kAuth + "/x", kv) == Errors("plugin not found in the catalog: kv, version=v1.0.0"));
  CHECK(Has(refused(kMounts + "/kv", kv), "path is already in use at kv/"));
  CHECK(Has(refused(kMounts + "/kv/below", kv), "path is already in use at kv/below/"));
  CHECK(Has(refused(kMounts + "/team", kv), "path is already in use at team/"));
  CHECK(Has(refused(kMounts + "/auth/x", kv), R"(cannot mount \"auth/x/\")"));
  CHECK(Has(refused(kMounts + "/x", R"({"type":"kv"})"), "kv v2.0.0 is broken"));
  CHECK(Has(refused(kMounts + "/x", R"({"type":"kv","start":"soon"})"), "eager, lazy"));
  CHECK(Has(refused(kMounts + "/x", R"({"type":"kv","plugin_version":"1.0.0",)"
                                    R"("config":{"plugin_version":"2.0.0"}})"),
            "give one of them"));
  CHECK(server.Call({"POST", kMounts + "//x", kv}).status == 404);
  refused(kMounts + "/x//y", kv);
  CHECK(Has(refused(kMounts + "/%FF", kv), "it is not UTF-8"));
  server.Must({"POST", "/v1/sys/plugins/pins/secret/kv", R"({"version":"2.0.0"})"}, 200);
  CHECK(refused(kMounts + "/x", kv) ==
        Errors("cannot specify plugin_version for secret plugin \"kv\", as it is pinned to version "
               "v2.0.0"));
  CHECK(server.Call({"GET", kMounts + "/x"}).status == 400);
}

TEST_CASE("an unmount is idempotent and stays in its own table", "[api]") {
  Server server;
  server.Populate();
  CHECK(Has(server.Body({"DELETE", kMounts + "/auth/ldap"}, 400), "sys/auth"));
  server.Must({"DELETE", kMounts + "/kv"}, 204);
  server.Must({"DELETE", kMounts + "/kv"}, 204);
  server.Must({"DELETE", kAuth + "/ldap"}, 204);
  CHECK(server.Call({"GET", kMounts + "/kv"}).status == 400);
  CHECK(server.Running("team", "kv/x") == "v1.0.0");
}

TEST_CASE("a tuned version takes effect with the next reload", "[api]") {
  Server server;
  server.Populate();
  const std::string tune = kMounts + "/kv/tune";
  server.Must({"POST", tune, R"({"plugin_version":"2.0.0","description":"new"})"}, 204);
  CHECK(server.Running("", "kv/x") == "v1.0.0");
  const std::string body = server.Body({"GET", tune}, 200);
  CHECK(Has(body, R"("data":{"description":"new")"));
  CHECK(Has(body, R"("plugin_version":"v2.0.0")"));
  server.Must({"POST", "/v1/sys/plugins/reload/backend", R"({"mounts":"kv"})"}, 200);
  CHECK(server.Running("", "kv/x") == "v2.0.0");
  CHECK(server.Body({"POST", tune, R"({"plugin_version":"9.0.0"})"}, 400) ==
        Errors("plugin not found in the catalog: kv, version=v9.0.0"));
  server.Must({"POST", "/v1/sys/plugins/pins/secret/kv", R"({"version":"1.0.0"})"}, 200);
  CHECK(server.Body({"POST", tune, R"({"plugin_version":"2.0.0"})"}, 400) ==
        Errors("plugin_version cannot be set for secret plugin \"kv\" as a pinned version v1.0.0 "
               "is in effect."));
  CHECK(Has(server.Body({"GET", tune}, 200),
            "plugin_version is configured as v2.0.0 but a version pin for v1.0.0 is in effect"));
  CHECK(server.Call({"POST", kAuth + "/ldap/tune", R"({"description":"x"})"}).status == 204);
  CHECK(server.Call({"POST", kMounts + "/none/tune", R"({"description":"x"})"}).status == 400);
}

TEST_CASE("a mount moves to another path and namespace", "[api]") {
  Server server;
  server.Populate();
  const std::string remount = "/v1/sys/remount";
  CHECK(Has(server.Body({"POST", remount, R"({"from":"kv","to":"moved/here"})"}, 200),
            R"("migration_id":"<id>")"));
  CHECK(server.Running("", "moved/here/x") == "v1.0.0");
  server.Must({"POST", remount, R"({"from":"team/kv/","to":"other/kv"})"}, 200);
  CHECK(server.Running("other", "kv/x") == "v1.0.0");
  CHECK(server.Body({"POST", remount, R"({"from":"kv","to":"x"})"}, 400) ==
        Errors("no matching mount at \"kv\""));
  CHECK(server.Body({"POST", remount, R"({"from":"pg","to":"moved/here"})"}, 400) ==
        Errors("path already in use at \"moved/here\""));
  CHECK(server.Body({"POST", remount, R"({"from":"pg"})"}, 400) ==
        Errors("from and to must both be given"));
}

TEST_CASE("a long list is read in parts", "[api]") {
  Server server;
  server.Populate();
  // Before and behind auth/, where the other table is.
  for (const char* path : {"/aa", "/z"}) {
    server.Must({"POST", kMounts + path, R"({"type":"kv"})"}, 204);
  }
  std::string walked, after;
  for (int parts = 0; parts < 10; ++parts) {
    const std::string body = server.Body({"GET", kMounts + "?limit=1&after=" + after}, 200);
    if (Has(body, R"("data":{})")) break;
    after = body.substr(2, body.find('"', 2) - 2);
    CHECK(Has(body, R"("data":{")" + after + R"(":{"accessor")"));
    walked += after + " ";
  }
  CHECK(walked == "aa/ kv/ pg/ z/ ");
  const std::string two = server.Body({"GET", kMounts + "?limit=2&after=b"}, 200);
  CHECK(Has(two, R"("kv/")"));
  CHECK(Has(two, R"("pg/")"));
  CHECK_FALSE(Has(two, R"("z/")"));
  CHECK(Has(server.Body({"GET", kMounts + "?limit=0"}, 200), R"("z/")"));
  CHECK(server.Body({"GET", kAuth + "?limit=5"}, 200).starts_with(R"({"ldap/":)"));
  CHECK(Has(server.Body({"GET", kAuth + "?after=ldap/"}, 200), R"("data":{})"));
  CHECK(server.Body({"GET", kMounts + "?limit=x"}, 400) ==
        Errors("the limit of a list must be a number, got \"x\""));

  const std::string spaces = "/v1/sys/namespaces";
  CHECK(Has(server.Body({"LIST", spaces + "?limit=1"}, 200), R"("keys":["other/"])"));
  CHECK(Has(server.Body({"LIST", spaces + "?after=other/"}, 200), R"("keys":["team/"])"));
  CHECK(server.Call({"LIST", spaces + "?after=team/"}).status == 404);
  const std::string secrets = "/v1/sys/plugins/catalog/secret";
  CHECK(Has(server.Body({"LIST", secrets + "?after=a"}, 200), R"("keys":["kv"])"));
  CHECK(server.Call({"LIST", secrets + "?after=kv"}).status == 404);
}

}  // namespace
}  // namespace plugreload::test
