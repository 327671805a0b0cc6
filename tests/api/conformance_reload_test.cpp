// What a reload and its status answer: sections 1.4 to 1.7, 2.1, 2.2 and 5.3 of the reference.
#include <string>

#include "api/conformance.hpp"

namespace plugreload::test {
namespace {

const std::string kBackend = "/v1/sys/plugins/reload/backend";
const std::string kRoot = "/v1/sys/plugins/reload/";
const std::string kStatus = kBackend + "/status";
const std::string kData = R"({"reload_id":"<id>","state":"done",<..>})";
const std::string kDone = Envelope(kData);
const std::string kGlobal = R"({"scope":"global"})";
const std::string kNothing = R"(["no plugins were reloaded"])";
const std::string kNothingHere =
    R"x(["no plugins were reloaded locally (but they may be reloaded on other nodes)"])x";
// data of a reload that covered so many mounts.
std::string Covered(int reloaded, int skipped = 0) {
  return Envelope(R"({"reload_id":"<id>","state":"done",<..>"reloaded":)" +
                  std::to_string(reloaded) + R"(,"failed":0,"skipped":)" + std::to_string(skipped) +
                  R"(,"mounts":[<..>]})");
}
std::string Fetch(const std::string& path) {
  return "cannot fetch mount entry on \"" + path + "\"";
}

TEST_CASE("a reload by plugin answers as Vault does", "[api]") {
  Server server;
  server.Populate();
  CheckRows(
      server,
      {
          {{"POST", kRoot + "secret/kv"}, 200, Covered(3)},
          {{"PUT", kRoot + "secret/kv", "{}"}, 200, Covered(3)},
          {{"PUT", kRoot + "secret/kv", R"({"scope":""})"}, 200, Covered(3)},
          {{"PUT", kRoot + "secret/kv", R"({"scope":null})"}, 200, Covered(3)},
          {{"PUT", kRoot + "secret/kv", "", "root"}, 200, Covered(3)},
          {{"PUT", kRoot + "unknown/kv"}, 200, Covered(3)},
          {{"PUT", kRoot + "auth/ldap"}, 200, Covered(1)},
          {{"PUT", kRoot + "database/pg"}, 200, Covered(1)},
          {{"PUT", kRoot + "secret/kv", kGlobal}, 202, Early(kData)},
          {{"PUT", kRoot + "secret/kv", "scope=global", "", "root", kForm}, 202, Early(kData)},
          {{"PUT", kRoot + "auth/kv"}, 200, Envelope(kData, kNothing)},
          {{"PUT", kRoot + "secret/pg"}, 200, Envelope(kData, kNothing)},
          {{"PUT", kRoot + "database/kv"}, 200, Envelope(kData, kNothing)},
          // Vault counts what it has once only, and cannot reload, as reloaded: a difference.
          {{"PUT", kRoot + "secret/system"}, 200, Envelope(kData, kNothing)},
          {{"PUT", kRoot + "secret/none"}, 200, Envelope(kData, kNothing)},
          {{"PUT", kRoot + "unknown/none"}, 200, Envelope(kData, kNothing)},
          {{"PUT", kRoot + "secret/none", kGlobal}, 202, Early(kData, kNothingHere)},
          {{"PUT", kBackend, R"({"plugin":"kv","mounts":null,"scope":""})"}, 200, Covered(1)},
          {{"PUT", kBackend, R"({"plugin":"kv","mounts":"","scope":null})"}, 200, Covered(1)},
          {{"PUT", kBackend, R"({"plugin":"pg"})"}, 200, Covered(1)},
          {{"PUT", kBackend, R"({"plugin":"none"})"}, 200, Envelope(kData, kNothing)},
          {{"PUT", kBackend, R"({"plugin":"kv","scope":"global"})"}, 202, Early(kData)},
          {{"PUT", kBackend, R"({"plugin":"none","scope":"global"})"},
           202,
           Early(kData, kNothingHere)},
      });
}

TEST_CASE("a reload by mounts answers as Vault does", "[api]") {
  Server server;
  server.Populate();
  const std::string global = R"({"mounts":"kv","scope":"global"})";
  CheckRows(
      server,
      {
          {{"POST", kBackend, R"({"mounts":"kv"})"}, 200, Covered(1)},
          {{"POST", kBackend, R"({"mounts":"kv/, auth/ldap , pg"})"}, 200, Covered(3)},
          {{"POST", kBackend, R"({"mounts":["kv/","auth/ldap/"]})"}, 200, Covered(2)},
          {{"POST", kBackend, R"({"mounts":["sys/auth/ldap"]})"}, 200, Covered(1)},
          {{"POST", kBackend, R"({"mounts":["sys/auth/ldap/"]})"}, 200, Covered(1)},
          {{"POST", kBackend, R"({"mounts":["kv","kv/"]})"}, 200, Covered(1)},
          {{"POST", kBackend, global}, 202, Early(kData)},
          // Skipped in silence, and no warning either.
          {{"POST", kBackend, R"({"mounts":["team/kv"]})"}, 200, Covered(0, 1)},
          {{"POST", kBackend, R"({"mounts":"sys"})"}, 200, Covered(0, 1)},
          {{"POST", kBackend, R"({"mounts":"sys","scope":"global"})"}, 202, Early(kData)},
          {{"POST", kBackend, "mounts=kv&mounts=auth/ldap", "", "root", kForm}, 200, Covered(2)},
          {{"POST", kBackend, R"({"mounts":["kv",null]})"}, 500, Failed({Fetch("/")})},
          {{"POST", kBackend, R"({"mounts":"foo"})"}, 500, Failed({Fetch("foo/")})},
          {{"POST", kBackend, R"({"mounts":"foo","scope":"global"})"},
           500,
           Failed({Fetch("foo/")})},
          {{"POST", kBackend, R"({"mounts":["b","kv","a"]})"},
           500,
           Failed({Fetch("b/"), Fetch("a/")})},
          {{"POST", kBackend, R"({"mounts":"kv,"})"}, 500, Failed({Fetch("/")})},
          {{"POST", kBackend, R"({"mounts":["a,b"]})"}, 500, Failed({Fetch("a,b/")})},
          {{"POST", kBackend, R"({"mounts":[1]})"}, 500, Failed({Fetch("1/")})},
          {{"POST", kBackend, R"({"mounts":7})"}, 500, Failed({Fetch("7/")})},
          {{"POST", kBackend, R"({"mounts":"/kv/"})"}, 500, Failed({Fetch("/kv/")})},
          {{"POST", kBackend, R"({"mounts":"auth"})"}, 500, Failed({Fetch("auth/")})},
          {{"POST", kBackend, R"({"mounts":"sys/auth/x"})"}, 500, Failed({Fetch("auth/x/")})},
          // Not the longest prefix: a difference that is meant.
          {{"POST", kBackend, R"({"mounts":"kv/x"})"}, 500, Failed({Fetch("kv/x/")})},
          {{"POST", kBackend, R"({"mounts":"team/kv/x"})"}, 500, Failed({Fetch("team/kv/x/")})},
          // Vault has it once, and skips it in silence; here there is none.
          {{"POST", kBackend, R"({"mounts":"cubbyhole"})"}, 500, Failed({Fetch("cubbyhole/")})},
      });
}

TEST_CASE("unknown is every type, and old clients' mounts are of their plugin", "[api]") {
  Server server;
  server.Populate();
  const std::string callback = R"({"launcher":"callback","version":"1.0.0"})";
  CheckRows(server,
            {
                {{"POST", "/v1/sys/plugins/catalog/auth/kv", callback}, 204, ""},
                {{"POST", "/v1/sys/auth/kv", R"({"type":"kv"})"}, 204, ""},
                {{"POST", kRoot + "secret/kv"}, 200, Covered(3)},
                {{"POST", kRoot + "auth/kv"}, 200, Covered(1)},
                {{"POST", kRoot + "unknown/kv"}, 200, Covered(4)},
                {{"POST", kBackend, R"({"plugin":"kv"})"}, 200, Covered(2)},
                {{"POST", "/v1/sys/mounts/old",
                  R"({"type":"plugin","config":{"plugin_name":"kv","plugin_version":"1.0.0"}})"},
                 204,
                 ""},
                {{"GET", "/v1/sys/mounts/old"}, 200, "<..>\"type\":\"kv\"<..>"},
                {{"POST", kRoot + "secret/kv"}, 200, Covered(4)},
            });
}

TEST_CASE("what a reload takes beside Vault's parameters", "[api]") {
  Server server;
  server.Populate();
  const std::string root = kRoot + "secret/kv";
  CheckRows(
      server,
      {
          {{"POST", root, R"({"order":"stop_first"})"}, 200, Covered(3)},
          {{"POST", root, R"({"order":"start_first","policy":"all_or_nothing"})"}, 200, Covered(3)},
          {{"POST", root, R"({"policy":"best_effort","force":true,"deadline":"1m"})"},
           200,
           Covered(3)},
          {{"POST", root, R"({"start_timeout":30,"drain_timeout":"5s","strategy":"all"})"},
           200,
           Covered(3)},
          {{"POST", root, "dry_run=true", "", "root", kForm},
           200,
           Envelope(R"({"reload_id":"<id>","dry_run":true,<..>})")},
          {{"POST", kBackend, R"({"plugin":"kv","order":null,"policy":null,"deadline":null})"},
           200,
           Covered(1)},
      });
}

TEST_CASE("a reload that fails answers as Vault does", "[api]") {
  Server server;
  server.Populate();
  server.plugins().Break("kv v1.0.0");
  const auto broken = [](const std::string& path) {
    return "cannot reload plugin on \"" + path + "\": <..>kv v1.0.0 is broken";
  };
  CheckRows(
      server,
      {
          {{"POST", kBackend, R"({"mounts":["kv","pg"]})"}, 500, Failed({broken("kv/")})},
          {{"POST", kBackend, R"({"plugin":"kv"})", "team"}, 500, Failed({broken("kv/")})},
          {{"POST", kBackend, R"({"plugin":"kv","scope":"global"})"}, 500, Failed({broken("kv/")})},
          // The others are still attempted.
          {{"POST", kBackend, R"({"mounts":["none","kv","pg"]})"},
           500,
           "{\"errors\":[\"2 errors occurred:<..>\"reloaded\":1,\"failed\":2,<..>"},
          {{"POST", kRoot + "secret/kv"},
           500,
           Failed({broken("kv/"), broken("team/kv/"), broken("team/a/kv/")})},
          {{"GET", "/v1/sys/mounts/kv"}, 200, "<..>\"state\":\"serving\"<..>"},
      });
}

TEST_CASE("a reload reaches what Vault's reload reaches", "[api]") {
  Server server;
  server.Populate();
  const std::string plugin = R"({"plugin":"kv"})";
  CheckRows(server,
            {
                {{"POST", kBackend, plugin}, 200, Covered(1)},
                {{"POST", kBackend, plugin, "team"}, 200, Covered(1)},
                {{"POST", "/v1/team/a/sys/plugins/reload/backend", plugin}, 200, Covered(1)},
                {{"POST", kBackend, plugin, "other"}, 200, Envelope(kData, kNothing)},
                {{"POST", kRoot + "secret/kv", "", "team"}, 404, kNoPath},
                {{"POST", kBackend, R"({"mounts":"a/kv"})", "team"}, 200, Covered(0, 1)},
                {{"POST", kBackend, R"({"mounts":"kv"})", "other"}, 500, Failed({Fetch("kv/")})},
                {{"POST", kBackend, plugin, "nowhere"}, 404, Errors("namespace not found")},
            });
}

TEST_CASE("parameters of a reload that are unknown are warned about as in Vault", "[api]") {
  Server server;
  server.Populate();
  const std::string ignored = R"("Endpoint ignored these unrecognized parameters: [a z]")";
  const std::string replaced =
      R"("Endpoint replaced the value of these parameters with the values captured from the )"
      R"(endpoint's path: [name type]")";
  CheckRows(server, {
                        {{"POST", kRoot + "secret/kv", R"({"z":1,"a":{}})"},
                         200,
                         Envelope(kData, "[" + ignored + "]")},
                        {{"POST", kRoot + "secret/kv", R"({"type":"auth","name":"x"})"},
                         200,
                         Envelope(kData, "[" + replaced + "]")},
                        {{"POST", kRoot + "secret/kv", R"({"z":1,"a":2,"type":"auth","name":"x"})"},
                         200,
                         Envelope(kData, "[" + ignored + "," + replaced + "]")},
                        {{"POST", kBackend, R"({"plugin":"none","z":1,"a":2})"},
                         200,
                         Envelope(kData, R"(["no plugins were reloaded",)" + ignored + "]")},
                        // Lost with 202, as in Vault.
                        {{"POST", kBackend, R"({"plugin":"kv","z":1,"a":2,"scope":"global"})"},
                         202,
                         Early(kData)},
                    });
}

TEST_CASE("the status of a reload answers as Vault does", "[api]") {
  Server server;
  server.Populate();
  CheckRows(server,
            {
                {{"GET", kStatus}, 400, Errors("reload_id must be provided")},
                {{"GET", kStatus + "?reload_id="}, 400, Errors("reload_id must be provided")},
                {{"GET", kStatus + "?reload_id"}, 400, Errors("reload_id must be provided")},
                {{"GET", kStatus + "?reload_id=x"},
                 200,
                 Envelope(R"({"reload_id":"x","results":{},"state":"unknown"})")},
                {{"GET", kStatus + "?reload_id=%78&help=1"},
                 200,
                 Envelope(R"({"reload_id":"x","results":{},"state":"unknown"})")},
                {{"GET", kStatus + "?reload_id=%2578"},
                 200,
                 Envelope(R"({"reload_id":"%78","results":{},"state":"unknown"})")},
                {{"GET", kStatus + "?reload_id=x&z=1"},
                 200,
                 "<..>\"warnings\":[\"Endpoint ignored these unrecognized parameters: [z]\"]<..>"},
                {{"HEAD", kStatus + "?reload_id=x"}, 405, kNoOperation},
                {{"POST", kStatus}, 405, kNoOperation},
                {{"DELETE", kStatus}, 405, kNoOperation},
                {{"LIST", kStatus}, 405, kNoOperation},
                {{"GET", kStatus + "/"}, 404, kNoPath},
            });
  const auto status = [&](const Line& reload) {
    return kStatus + "?reload_id=" + Member(server.Call(reload).body, "reload_id");
  };
  const std::string good = status({"PUT", kRoot + "secret/kv", kGlobal});
  server.plugins().Break("kv v1.0.0");
  const std::string bad = status({"PUT", kBackend, R"({"plugin":"kv"})"});
  CheckRows(
      server,
      {
          {{"GET", good},
           200,
           Envelope(
               R"({"reload_id":<..>"results":{"n1":{"timestamp":"<..>Z"}},"members":[<..>]})")},
          {{"GET", good, "", "team"}, 200, "<..>\"results\":{\"n1\":{\"timestamp\":\"<..>"},
          {{"GET", good, "", "other"}, 200, "<..>\"results\":{},<..>"},
          {{"GET", bad},
           200,
           "<..>\"results\":{\"n1\":{\"timestamp\":\"<..>Z\",\"error\":\"1 error occurred:<..>"},
          {{"GET", bad, "", "team"}, 200, "<..>\"results\":{},<..>"},
      });
}

}  // namespace
}  // namespace plugreload::test
