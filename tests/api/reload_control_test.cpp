// Cancelling a reload, rolling it back, and what runs everywhere: endpoints that Vault does not
// have.
#include <string>

#include "api/conformance.hpp"

namespace plugreload::test {
namespace {

const std::string kBackend = "/v1/sys/plugins/reload/backend";
const std::string kCancel = kBackend + "/cancel";
const std::string kRollback = kBackend + "/rollback";
const std::string kKv = "/v1/sys/plugins/reload/secret/kv";
const std::string kUnknown = Errors("no reload with this id is known");

std::string Id(const std::string& id) { return "{\"reload_id\":\"" + id + "\"}"; }

TEST_CASE("a reload that has swapped nothing is cancelled by its id", "[api]") {
  Server server;
  server.Populate();
  server.plugins().Hold("kv v1.0.0");
  ReloadRequest request;
  request.target = ByPlugin{PluginType::kSecret, "kv"};
  request.reload_id = "r1";
  REQUIRE(server.runtime().reloads().Submit(request).ok());
  REQUIRE(server.host().WaitEvent([](const Event& event) {
    return event.kind == EventKind::kReloadProgress && event.state == "prepare";
  }));
  CheckRows(server, {
                        {{"POST", kCancel}, 400, Errors("reload_id must be provided")},
                        {{"POST", kCancel, Id("none")}, 404, kUnknown},
                        // Not of this namespace: it is not told that there is one.
                        {{"POST", kCancel, Id("r1"), "team"}, 404, kUnknown},
                        {{"POST", kCancel, Id("r1")}, 200, Envelope(Id("r1"))},
                        {{"GET", kCancel}, 405, kNoOperation},
                    });
  REQUIRE(server.host().WaitEvent(EventKind::kReloadFinished));
  CheckRows(
      server,
      {
          {{"GET", kBackend + "/status?reload_id=r1"}, 200, "<..>\"state\":\"cancelled\"<..>"},
          {{"POST", kCancel, Id("r1")}, 400, "{\"errors\":[\"<..>has ended<..>"},
      });
  CHECK(server.Running("", "kv/x") == "v1.0.0");
}

TEST_CASE("a reload is rolled back to the versions that ran before it", "[api]") {
  Server server;
  server.Populate();
  const Response made = server.Call({"POST", kKv, R"({"pin_version":"2.0.0"})"});
  CHECK(made.status == 200);
  CHECK(server.Running("team", "kv/x") == "v2.0.0");
  CheckRows(server, {
                        {{"GET", "/v1/sys/plugins/pins/secret/kv"}, 200, "<..>\"v2.0.0\"<..>"},
                        {{"POST", kRollback}, 400, Errors("reload_id must be provided")},
                        {{"POST", kRollback, Id("none")}, 404, "{\"errors\":[\"<..>"},
                        {{"POST", kRollback, Id("none"), "team"}, 404, kNoPath},
                    });
  const Response back = server.Call({"POST", kRollback, Id(Member(made.body, "reload_id"))});
  INFO(back.body);
  REQUIRE(back.status == 202);
  const auto report =
      server.runtime().reloads().Wait(Member(back.body, "reload_id"), After(kPatience));
  REQUIRE(report.ok());
  CHECK(report->state == ReloadState::kDone);
  for (const char* ns : {"", "team", "team/a"}) CHECK(server.Running(ns, "kv/x") == "v1.0.0");
}

TEST_CASE("a version to pin with the reload is checked before anything happens", "[api]") {
  Server server;
  server.Populate();
  CheckRows(server,
            {
                {{"POST", "/v1/sys/plugins/reload/unknown/kv", R"({"pin_version":"2.0.0"})"},
                 400,
                 Errors("pin_version needs a type: auth, database or secret")},
                {{"POST", kKv, R"({"pin_version":"x"})"}, 400, "{\"errors\":[\"version <..>"},
                {{"POST", kKv, R"({"pin_version":"9.0.0"})"}, 404, "{\"errors\":[\"<..>"},
                {{"POST", kBackend, R"({"plugin":"none","pin_version":"2.0.0"})"},
                 200,
                 "<..>Endpoint ignored these unrecognized parameters: [pin_version]<..>"},
                {{"GET", "/v1/sys/plugins/pins"}, 200, Envelope(R"({"pinned_versions":[]})")},
            });
}

TEST_CASE("what a node runs is told, and which mounts need a reload", "[api]") {
  Server server;
  server.Populate();
  server.Must({"POST", "/v1/sys/plugins/pins/secret/kv", R"({"version":"2.0.0"})"}, 200);
  CheckRows(server, {
                        {{"GET", "/v1/sys/plugins/running"},
                         200,
                         "<..>\"members\":[{\"node\":\"n1\",<..>\"reload_needed_total\":3,<..>"
                         "\"running_version\":\"v1.0.0\",\"wanted_version\":\"v2.0.0\"<..>"},
                        {{"GET", "/v1/sys/plugins/running", "", "team"}, 404, kNoPath},
                        {{"POST", "/v1/sys/plugins/running", "{}"}, 405, kNoOperation},
                    });
}

}  // namespace
}  // namespace plugreload::test
