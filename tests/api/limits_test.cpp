// What a request may not exceed, and the status that says so.
#include <string>

#include "api/conformance.hpp"

namespace plugreload::test {
namespace {

const std::string kBackend = "/v1/sys/plugins/reload/backend";
const std::string kReload = "/v1/sys/plugins/reload/secret/";

TEST_CASE("a body is limited in size and depth", "[api]") {
  Server server([](RuntimeOptions& options) {
    options.max_body_bytes = 100;
    options.max_json_depth = 3;
  });
  const std::string depth = "{\"errors\":[\"error parsing JSON: <..>";
  CheckRows(
      server,
      {
          {{"POST", kBackend, std::string(101, ' ')},
           413,
           Errors("request body too large: 101 bytes, the limit is 100")},
          {{"PATCH", "/v1/sys/namespaces/x", std::string(101, ' ')},
           413,
           Errors("request body too large: 101 bytes, the limit is 100")},
          {{"POST", kBackend, R"({"plugin":"x","a":{"b":[]}})"}, 200, "<..>no plugins were<..>"},
          {{"POST", kBackend, R"({"plugin":"x","a":{"b":[{}]}})"}, 400, depth},
      });
}

TEST_CASE("names and paths are limited in length", "[api]") {
  Server server([](RuntimeOptions& options) {
    options.max_name_bytes = 8;
    options.max_mount_bytes = 16;
    options.max_path_bytes = 100;
  });
  server.Populate();
  const std::string name(9, 'n'), path(17, 'p');
  const std::string name_error = Errors("the name \"nnnnnnnnn\"... has 9 bytes, the limit is 8");
  const std::string path_error =
      Errors("the path \"ppppppppppppppppp\"... has 17 bytes, the limit is 16");
  CheckRows(
      server,
      {
          {{"GET", "/v1/" + std::string(97, 'x')},
           414,
           Errors("the URL has 101 bytes, the limit is 100")},
          {{"GET", "/v1/" + std::string(96, 'x')}, 404, kNoPath},
          {{"POST", kReload + name}, 400, name_error},
          {{"GET", "/v1/sys/plugins/pins/secret/" + name}, 400, name_error},
          {{"POST", "/v1/sys/plugins/catalog/secret/" + name, "{}"}, 400, name_error},
          {{"POST", "/v1/sys/mounts/" + path, R"({"type":"kv"})"}, 400, path_error},
          {{"POST", "/v1/sys/auth/" + path, R"({"type":"ldap"})"}, 400, path_error},
          {{"GET", "/v1/sys/mounts/" + path + "/tune"}, 400, path_error},
          {{"POST", "/v1/sys/namespaces/" + path}, 400, path_error},
          {{"POST", "/v1/sys/remount", R"({"from":"kv","to":")" + path + "\"}"}, 400, path_error},
          {{"POST", kBackend, R"({"mounts":["kv",")" + path + "\"]}"}, 400, path_error},
          {{"POST", "/v1/sys/mounts/" + path.substr(1), R"({"type":"kv"})"}, 204, ""},
      });
}

TEST_CASE("reloads that wait are limited in number", "[api]") {
  Server server([](RuntimeOptions& options) {
    options.max_concurrent_reloads = 1;
    options.max_queued_reloads = 1;
  });
  server.Populate();
  server.plugins().Hold("kv v1.0.0");
  ReloadRequest request;
  request.target = ByPlugin{PluginType::kSecret, "kv"};
  REQUIRE(server.runtime().reloads().Submit(request).ok());
  request.target = ByPlugin{PluginType::kAuth, "ldap"};
  REQUIRE(server.runtime().reloads().Submit(request).ok());
  CheckRows(server, {{{"POST", "/v1/sys/plugins/reload/database/pg"},
                      503,
                      Multi("1 reloads wait already; try again when some have ended")}});
  server.plugins().LetGo();
  REQUIRE(server.host().WaitEvent(EventKind::kReloadFinished, 2));
  CHECK(server.Call({"POST", "/v1/sys/plugins/reload/database/pg"}).status == 200);
}

TEST_CASE("an option makes an unknown plugin an error that says so", "[api]") {
  Server server([](RuntimeOptions& options) { options.refuse_unknown_plugin = true; });
  server.Populate();
  const std::string none = Errors("plugin not found in the catalog: \"none\"");
  CheckRows(server,
            {
                {{"POST", kReload + "none"}, 400, none},
                {{"POST", "/v1/sys/plugins/reload/unknown/none"}, 400, none},
                {{"POST", "/v1/sys/plugins/reload/auth/kv"},
                 400,
                 Errors("plugin not found in the catalog: \"kv\"")},
                {{"POST", kBackend, R"({"plugin":"none"})"}, 400, none},
                {{"POST", kBackend, R"({"plugin":"kv"})"}, 200, "<..>\"reloaded\":1<..>"},
                // Known, and mounted nowhere here: as always.
                {{"POST", kBackend, R"({"plugin":"kv"})", "other"}, 200, "<..>no plugins were<..>"},
            });
}

TEST_CASE("the deadline of a request is how long its caller waits", "[api]") {
  Server server;
  server.Populate();
  server.plugins().Hold("kv v1.0.0");
  const std::string body =
      server.Call({"POST", kBackend, R"({"mounts":"kv","deadline":"20ms","start_timeout":"1m"})"})
          .body;
  CHECK(Has(body, "not done in time; the reload goes on, see "));
  server.plugins().LetGo();
  const auto report = server.runtime().reloads().Wait(Member(body, "reload_id"), After(kPatience));
  REQUIRE(report.ok());
  CHECK(report->state == ReloadState::kDone);
  // Without another word it is the time that a start may take, too.
  server.plugins().Hold("kv v1.0.0");
  const Response late = server.Call({"POST", kBackend, R"({"mounts":"kv","deadline":"20ms"})"});
  CHECK(late.status == 500);
  const auto failed =
      server.runtime().reloads().Wait(Member(late.body, "reload_id"), After(kPatience));
  REQUIRE(failed.ok());
  CHECK(failed->state == ReloadState::kFailed);
  CheckRows(server, {
                        {{"POST", kBackend, R"({"mounts":"kv","deadline":0})"},
                         400,
                         Errors("deadline must be above 0")},
                        {{"POST", kBackend, R"({"mounts":"kv","start_timeout":"0s"})"},
                         400,
                         Errors("start_timeout must be above 0")},
                    });
}

}  // namespace
}  // namespace plugreload::test
