// What a dispatched reload does, and what it answers.
#include <string>
#include <thread>

#include "api/server.hpp"

namespace plugreload::test {
namespace {

const std::string kBackend = "/v1/sys/plugins/reload/backend";
const std::string kKv = "/v1/sys/plugins/reload/secret/kv";
const std::string kPin = "/v1/sys/plugins/pins/secret/kv";
const std::string kStatus = kBackend + "/status?reload_id=";
constexpr std::string_view kNothing = R"("warnings":["no plugins were reloaded"])";
constexpr std::string_view kNothingHere =
    R"x("warnings":["no plugins were reloaded locally (but they may be reloaded on other nodes)"])x";

// "team/kv/ reloaded v1.0.0->v2.0.0" for every element of data.mounts.
std::string Mounts(std::string_view body) {
  std::string out;
  const std::string_view key = "{\"namespace\":";
  for (std::size_t at = body.find(key); at != std::string_view::npos; at = body.find(key, at + 1)) {
    const std::string_view mount = body.substr(at, body.find('}', at) - at);
    out += Member(mount, "namespace") + Member(mount, "path") + " " + Member(mount, "outcome") +
           " " + Member(mount, "previous_version") + "->" + Member(mount, "running_version") + "\n";
  }
  return out;
}

TEST_CASE("a pin takes effect in every namespace with the reload and not before", "[api]") {
  Server server;
  server.Populate();
  server.Must({"POST", kPin, R"({"version":"2.0.0"})"}, 200);
  CHECK(server.Running("", "kv/x") == "v1.0.0");
  const std::string body = server.Body({"POST", kKv}, 200);
  CHECK(Mounts(body) ==
        "kv/ reloaded v1.0.0->v2.0.0\n"
        "team/kv/ reloaded v1.0.0->v2.0.0\n"
        "team/a/kv/ reloaded v1.0.0->v2.0.0\n");
  CHECK(body.starts_with(R"({"request_id":"<id>","lease_id":"","renewable":false,)"
                         R"("lease_duration":0,"data":{"reload_id":"<id>",)"));
  CHECK(body.ends_with(R"("wrap_info":null,"warnings":null,"auth":null,"mount_type":"system"})"
                       "\n"));
  CHECK(Member(body, "state") == "done");
  CHECK(Member(body, "reloaded") == "3");
  CHECK(Member(body, "rule") == "pin");
  for (const char* ns : {"", "team", "team/a"}) CHECK(server.Running(ns, "kv/x") == "v2.0.0");
}

TEST_CASE("PUT is POST, and unknown is every type", "[api]") {
  Server server;
  server.Populate();
  CHECK(Member(server.Body({"PUT", kKv}, 200), "reloaded") == "3");
  const auto reloaded = [&](const std::string& target) {
    return Member(server.Body({"POST", "/v1/sys/plugins/reload/" + target}, 200), "reloaded");
  };
  CHECK(reloaded("unknown/kv") == "3");
  CHECK(reloaded("unknown/ldap") == "1");
  CHECK(reloaded("auth/ldap") == "1");
  CHECK(reloaded("database/pg") == "1");
  CHECK(reloaded("auth/kv") == "0");
}

TEST_CASE("a reload in a namespace touches neither its parent nor its children", "[api]") {
  Server server;
  server.Populate();
  server.Must({"POST", kPin, R"({"version":"2.0.0"})"}, 200);
  const std::string body = server.Body({"POST", kBackend, R"({"plugin":"kv"})", "team"}, 200);
  CHECK(Mounts(body) == "team/kv/ reloaded v1.0.0->v2.0.0\n");
  CHECK(server.Running("", "kv/x") == "v1.0.0");
  CHECK(server.Running("team/a", "kv/x") == "v1.0.0");
  CHECK(server.Running("team", "kv/x") == "v2.0.0");
}

TEST_CASE("nothing reloaded is a success with exactly Vault's warning", "[api]") {
  Server server;
  server.Populate();
  for (const Line& line : {Line{"POST", "/v1/sys/plugins/reload/secret/none"},
                           Line{"POST", "/v1/sys/plugins/reload/auth/kv"},
                           Line{"POST", kBackend, R"({"plugin":"none"})"},
                           Line{"POST", kBackend, R"({"plugin":"kv"})", "other"}}) {
    CHECK(Has(server.Body(line, 200), kNothing));
  }
  const std::string global =
      server.Body({"POST", "/v1/sys/plugins/reload/secret/none", R"({"scope":"global"})"}, 202);
  CHECK(Has(global, kNothingHere));
  CHECK(global.ends_with(R"("auth":null,"mount_type":""})"));
}

TEST_CASE("a global reload is done here and answered with 202", "[api]") {
  Server server;
  server.Populate();
  const std::string body =
      server.Body({"POST", kKv, R"({"scope":"global","what":1,"type":"auth"})"}, 202);
  CHECK(Member(body, "reloaded") == "3");
  CHECK(Has(body, R"("warnings":null)"));
  CHECK(body.ends_with(R"("mount_type":""})"));
}

TEST_CASE("parameters that are not known or not taken are warned about", "[api]") {
  Server server;
  server.Populate();
  CHECK(Has(server.Body({"POST", kKv, R"({"z":1,"a":2,"type":"auth","name":null})"}, 200),
            R"("warnings":["Endpoint ignored these unrecognized parameters: [a z]",)"
            R"("Endpoint replaced the value of these parameters with the values captured from )"
            R"(the endpoint's path: [type]"])"));
  CHECK(Has(server.Body({"POST", kBackend, R"({"plugin":"none","x":1})"}, 200),
            R"("warnings":["no plugins were reloaded",)"
            R"("Endpoint ignored these unrecognized parameters: [x]"])"));
}

TEST_CASE("mounts come in every form that Vault takes", "[api]") {
  Server server;
  server.Populate();
  const std::string both = "auth/ldap/ reloaded v1.0.0->v1.0.0\nkv/ reloaded v1.0.0->v1.0.0\n";
  const std::string form = "application/x-www-form-urlencoded";
  for (const Line& line :
       {Line{"POST", kBackend, R"({"plugin":"","mounts":["kv","auth/ldap/"],"scope":""})"},
        Line{"POST", kBackend, R"({"mounts":"kv/, sys/auth/ldap"})"},
        Line{"POST", kBackend, R"({"mounts":[" kv/ ","sys/auth/ldap/","kv"]})"},
        Line{"POST", kBackend, "mounts=kv%2C+auth%2Fldap", "", "root", form},
        Line{"PUT", kBackend, R"({"mounts":["kv/","auth/ldap"]})", "", "root", form}}) {
    const std::string body = server.Body(line, 200);
    CHECK(Mounts(body) == both);
    CHECK(Has(body, R"("warnings":null)"));
  }
}

TEST_CASE("a mount that is not there is told, the others are reloaded", "[api]") {
  Server server;
  server.Populate();
  const auto errors = [&](const std::string& mounts) {
    const std::string body = server.Body({"POST", kBackend, R"({"mounts":)" + mounts + "}"}, 500);
    CHECK(Has(body, R"("data":{"reload_id":")"));
    return body.substr(0, body.find(",\"data\""));
  };
  const auto expected = [](const std::string& lines) {
    return "{\"errors\":[\"" + lines + "\\n\"]";
  };
  const auto missing = [](const std::string& path) {
    return "\\t* cannot fetch mount entry on \\\"" + path + "\\\"\\n";
  };
  CHECK(errors(R"("foo")") == expected("1 error occurred:\\n" + missing("foo/")));
  CHECK(errors(R"("kv/,")") == expected("1 error occurred:\\n" + missing("/")));
  CHECK(errors(R"(["a,b"])") == expected("1 error occurred:\\n" + missing("a,b/")));
  CHECK(errors(R"("/kv/")") == expected("1 error occurred:\\n" + missing("/kv/")));
  CHECK(errors(R"("kv//")") == expected("1 error occurred:\\n" + missing("kv//")));
  CHECK(errors(R"("auth,sys/auth/x")") ==
        expected("2 errors occurred:\\n" + missing("auth/") + missing("auth/x/")));
  // Vault would take the longest prefix.
  CHECK(errors(R"("kv/deeper/path")") ==
        expected("1 error occurred:\\n" + missing("kv/deeper/path/")));
  const std::string body = server.Body({"POST", kBackend, R"({"mounts":["zz","kv","aa"]})"}, 500);
  CHECK(body.starts_with(expected("2 errors occurred:\\n" + missing("zz/") + missing("aa/"))));
  CHECK(Mounts(body) == "kv/ reloaded v1.0.0->v1.0.0\nzz/ failed ->\naa/ failed ->\n");
  CHECK(Member(body, "state") == "failed");
  CHECK(Member(body, "reloaded") == "1");
  CHECK(Member(body, "failed") == "2");
}

TEST_CASE("mounts of a child and of sys are skipped without a word in the warnings", "[api]") {
  Server server;
  server.Populate();
  const std::string body =
      server.Body({"POST", kBackend, R"({"mounts":["team/kv","sys","sys/mounts","kv"]})"}, 200);
  CHECK(Mounts(body) ==
        "kv/ reloaded v1.0.0->v1.0.0\nteam/kv/ skipped ->\nsys/ skipped ->\n"
        "sys/mounts/ skipped ->\n");
  CHECK(Has(body, R"("warnings":null)"));
  CHECK(Member(body, "skipped") == "3");
  CHECK(Has(server.Body({"POST", kBackend, R"({"mounts":["sys"]})"}, 200), R"("warnings":null)"));
}

TEST_CASE("a version that does not start fails its mounts and leaves the old one", "[api]") {
  Server server;
  server.Populate();
  server.plugins().Break("kv v2.0.0");
  server.Must({"POST", kPin, R"({"version":"2.0.0"})"}, 200);
  const std::string body = server.Body({"POST", kKv}, 500);
  CHECK(
      body.starts_with("{\"errors\":[\"3 errors occurred:\\n\\t* cannot reload plugin on "
                       "\\\"kv/\\\": "));
  CHECK(Has(body, "kv v2.0.0 is broken"));
  CHECK(Has(body, R"(* cannot reload plugin on \"team/a/kv/\": )"));
  CHECK(Member(body, "state") == "failed");
  CHECK(Member(body, "failed") == "3");
  CHECK(server.Running("", "kv/x") == "v1.0.0");
  const std::string global = server.Body({"POST", kKv, R"({"scope":"global"})"}, 500);
  CHECK(Has(global, "3 errors occurred"));
  const std::string inner = server.Body({"POST", kBackend, R"({"mounts":"nope,kv"})", "team"}, 500);
  CHECK(
      inner.starts_with("{\"errors\":[\"2 errors occurred:\\n\\t* cannot fetch mount entry on "
                        "\\\"nope/\\\"\\n\\t* cannot reload plugin on \\\"kv/\\\": "));
}

TEST_CASE("all or nothing keeps everything when one does not start", "[api]") {
  Server server;
  server.Populate();
  server.plugins().Break("ldap v1.0.0");
  server.Must({"POST", kPin, R"({"version":"2.0.0"})"}, 200);
  const std::string body = server.Body(
      {"POST", kBackend, R"({"mounts":["kv","auth/ldap"],"policy":"all_or_nothing"})"}, 500);
  CHECK(Member(body, "reloaded") == "0");
  CHECK(server.Running("", "kv/x") == "v1.0.0");
  CHECK(server.Call({"POST", kKv, R"({"policy":"all_or_nothing","order":"stop_first"})"}).status ==
        400);
}

TEST_CASE("a dry run tells what would happen and does nothing", "[api]") {
  Server server;
  server.Populate();
  server.Must({"POST", kPin, R"({"version":"2.0.0"})"}, 200);
  const std::string body = server.Body({"POST", kKv, R"({"dry_run":true})"}, 200);
  CHECK(Has(body, R"("running_version":"v1.0.0","target_version":"v2.0.0","rule":"pin")"));
  CHECK(Member(body, "processes") == "3");
  CHECK(server.Running("", "kv/x") == "v1.0.0");
  const std::string named =
      server.Body({"POST", kBackend, R"({"mounts":"nope","dry_run":"true"})"}, 200);
  CHECK(Has(named, R"(cannot fetch mount entry on \"nope/\")"));
}

TEST_CASE("the status of a reload has Vault's shape and never null results", "[api]") {
  Server server;
  server.Populate();
  const std::string id = Member(server.Call({"POST", kKv}).body, "reload_id");
  const std::string body = server.Body({"GET", kStatus + id}, 200);
  CHECK(Member(body, "reload_id") == id);
  CHECK(Has(body, R"("results":{"n1":{"timestamp":"20)"));
  CHECK_FALSE(Has(body, R"("error":"1)"));
  CHECK(Member(body, "state") == "done");
  const std::string unknown = server.Body({"GET", kStatus + "x"}, 200);
  CHECK(Has(unknown, R"("data":{"reload_id":"x","results":{},)"));
  server.plugins().Break("kv v1.0.0");
  const std::string failed = Member(server.Call({"POST", kKv}).body, "reload_id");
  CHECK(Has(server.Body({"GET", kStatus + failed}, 200), R"("error":"3 errors occurred:\n)"));
  CHECK(server.Body({"GET", kBackend + "/status"}, 400) == Errors("reload_id must be provided"));
  CHECK(server.Call({"POST", kBackend + "/status"}).status == 405);
}

TEST_CASE("a namespace sees of a reload only what is its own", "[api]") {
  Server server;
  server.Populate();
  const std::string id = Member(server.Call({"POST", kKv}).body, "reload_id");
  const std::string team = server.Body({"GET", kStatus + id, "", "team"}, 200);
  CHECK(Mounts(team) == "team/kv/ reloaded v1.0.0->v1.0.0\nteam/a/kv/ reloaded v1.0.0->v1.0.0\n");
  CHECK(Member(team, "reloaded") == "2");
  CHECK(Member(server.Body({"GET", kStatus + id, "", "other"}, 200), "state") == "unknown");
}

TEST_CASE("a reload that outlives the call's deadline is an error that says where to look",
          "[api]") {
  Server server([](RuntimeOptions& options) { options.dispatch_timeout = Millis{500}; });
  server.Populate();
  server.plugins().Hold("kv v1.0.0");
  const std::string body = server.Body({"POST", kBackend, R"({"mounts":["kv"]})"}, 500);
  const std::string id = Member(body, "reload_id");
  CHECK(Has(body, R"(cannot reload plugin on \"kv/\": not done in time; the reload goes on, see )"
                  "sys/plugins/reload/backend/status?reload_id=" +
                      id));
  CHECK(Has(server.Body({"GET", kStatus + id}, 200), R"("results":{})"));
  // One of the same plugin waits for its turn, and no mount of it is planned yet.
  CHECK(Has(server.Body({"POST", kBackend, R"({"mounts":["kv"]})"}, 500), "not done in time"));
  CHECK(Has(server.Body({"POST", kKv}, 500), "not done in time"));
  server.plugins().LetGo();
  const auto report = server.runtime().reloads().Wait(id, After(kPatience));
  REQUIRE(report.ok());
  CHECK(report->state == ReloadState::kDone);
  CHECK(Has(server.Body({"GET", kStatus + id}, 200), R"("results":{"n1":{)"));
}

TEST_CASE("more mounts than the limit are refused", "[api]") {
  Server server([](RuntimeOptions& options) { options.max_mounts_per_request = 2; });
  server.Populate();
  CHECK(server.Body({"POST", kBackend, R"({"mounts":"a,b,c"})"}, 400) ==
        Errors("3 mounts in one request, the limit is 2"));
}

TEST_CASE("a held lease makes the answer draining and not late", "[api]") {
  Server server;
  server.Populate();
  auto lease = server.runtime().reloads().Acquire("", "kv/x", kPatience);
  REQUIRE(lease.ok());
  const std::string body =
      server.Body({"POST", kBackend, R"({"mounts":["kv"],"drain_timeout":"50ms"})"}, 200);
  CHECK(Member(body, "state") == "draining");
  CHECK(Member(body, "draining") == "1");
  lease->Release();
}

}  // namespace
}  // namespace plugreload::test
