// What a host can see of its runtime: events, the audit, statistics, and the description of the
// API.
#include <chrono>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "api/conformance.hpp"

namespace plugreload::test {
namespace {

const std::string kKv = "/v1/sys/plugins/reload/secret/kv";
const std::string kStatus = "/v1/sys/plugins/reload/backend/status?reload_id=";

TEST_CASE("the status of a running reload tells how far it is, and so do events", "[api]") {
  Server server;
  server.Populate();
  server.plugins().Hold("kv v1.0.0");
  ReloadRequest request;
  request.target = ByPlugin{PluginType::kSecret, "kv"};
  request.reach = Reach::kSubtree;
  request.reload_id = "r1";
  REQUIRE(server.runtime().reloads().Submit(request).ok());
  const auto at = [](EventKind kind, std::string state) {
    return [=](const Event& event) { return event.kind == kind && event.state == state; };
  };
  REQUIRE(server.host().WaitEvent(EventKind::kReloadStarted));
  REQUIRE(server.host().WaitEvent(at(EventKind::kReloadProgress, "prepare")));
  CheckRows(server, {{{"GET", kStatus + "r1"},
                      200,
                      "<..>\"state\":\"running\",\"phase\":\"prepare\",\"done\":0,\"total\":3,<..>"
                      "\"outcome\":\"pending\"<..>\"results\":{},\"members\":[{\"node\":\"n1\",<..>"
                      "\"state\":\"running\"<..>"}});
  request.reload_id = "r2";
  REQUIRE(server.runtime().reloads().Submit(request).ok());
  CheckRows(
      server,
      {{{"GET", kStatus + "r2"},
        200,
        "<..>\"state\":\"queued\",\"phase\":\"waiting\",\"done\":0,\"total\":0<..>\"results\":{},"
        "\"members\":[{\"node\":\"n1\",<..>\"state\":\"pending\"<..>"}});
  server.plugins().LetGo();
  REQUIRE(server.host().WaitEvent(EventKind::kReloadFinished, 2));
  CheckRows(server, {{{"GET", kStatus + "r1"},
                      200,
                      "<..>\"state\":\"done\",\"phase\":\"ended\",\"done\":3,\"total\":3,<..>"}});
  std::string told;
  for (const Event& event : server.host().Events()) {
    if (event.reload_id != "r1") continue;
    told += std::string(EventKindName(event.kind)) + " " + event.state + " " +
            std::to_string(event.count) + "/" + std::to_string(event.total) + "\n";
  }
  INFO(told);
  CHECK(told.starts_with("reload_queued waiting 0/0\nreload_started waiting 0/0\n"));
  std::size_t seen = 0;
  for (const char* line : {"reload_progress plan 0/0\n", "reload_progress prepare 0/3\n",
                           "reload_progress prepare 1/3\n", "reload_progress prepare 2/3\n",
                           "reload_progress prepare 3/3\n", "reload_progress drain 3/3\n",
                           "reload_progress retire 3/3\n", "reload_finished ended 0/3\n"}) {
    INFO(line);
    const std::size_t found = told.find(line, seen);
    CHECK(found != std::string::npos);
    if (found != std::string::npos) seen = found;
  }
}

// Keeps every record as text.
class Auditor : public RecordingHost {
 public:
  Decision Authorise(const Call& call) noexcept override {
    return call.token == "hunter1" ? Decision::kDeny : RecordingHost::Authorise(call);
  }
  void Audit(const AuditRecord& record) noexcept override {
    const std::scoped_lock lock(mutex_);
    std::string text = std::string(record.method) + " " + std::string(record.call.ns) + "|" +
                       std::string(record.call.path) + " " + std::string(record.call.endpoint) +
                       " " + std::string(record.call.plugin);
    for (const std::string& mount : record.call.mounts) text += " [" + mount + "]";
    text += record.allowed ? " allowed " : " denied ";
    text += std::to_string(record.status);
    if (!record.reload_id.empty()) text += record.reload_id == record.request_id ? " id" : " other";
    for (const std::string& error : record.errors) text += " " + error;
    lines_.push_back(text);
    callers_.push_back(std::string(record.caller));
    everything_ += text + std::string(record.caller) + std::string(record.call.token) +
                   std::string(record.call.remote);
  }
  std::vector<std::string> Take() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(lines_, {});
  }
  std::vector<std::string> callers() const {
    const std::scoped_lock lock(mutex_);
    return callers_;
  }
  std::string everything() const {
    const std::scoped_lock lock(mutex_);
    return everything_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_, callers_;
  std::string everything_;
};

TEST_CASE("the audit gets every call with its outcome, and never a secret", "[api]") {
  const auto host = std::make_shared<Auditor>();
  Server server([&](RuntimeOptions& options) { options.host = host; });
  server.Populate();
  (void)host->Take();
  server.Call({"POST", kKv});
  server.Call({"POST", "/v1/sys/plugins/reload/backend", R"({"mounts":["kv/","none"]})", "team"});
  server.Call({"POST", kKv, "", "", "hunter1"});
  server.Call({"GET", "/v1/nowhere/x", "", "", ""});
  server.Call({"POST", "/v1/sys/plugins/reload/backend", "{"});
  server.Call({"POST", "/v1/sys/plugins/catalog/secret/new",
               R"({"launcher":"callback","version":"1.0.0","env":["PASSWORD=hunter2"],)"
               R"("args":["hunter3"],"handshake":{"cookie_key":"K","cookie_value":"hunter4",)"
               R"("protocol_versions":[1]}})"});
  server.Call({"POST", "/v1/sys/mounts/m", R"({"type":"kv","options":{"password":"hunter5"}})"});
  // What is refused is not shown either.
  server.Call({"POST", "/v1/sys/mounts/n", R"({"type":"kv","options":["hunter6"]})"});
  server.Call({"POST", "/v1/sys/plugins/catalog/secret/new", R"({"env":{"PASSWORD":"hunter7"}})"});
  server.Call({"POST", "/v1/sys/plugins/catalog/secret/new",
               R"({"launcher":"callback","version":"1.0.0","env":["hunter8"]})"});
  server.Call({"POST", "/v1/sys/mounts/n", R"({"type":"kv","options":{"password":hunter9}})"});
  const std::vector<std::string> lines = host->Take();
  REQUIRE(lines.size() == 11);
  CHECK(lines[0] ==
        "POST |sys/plugins/reload/secret/kv sys/plugins/reload/{reload_type}/{name} kv allowed 200 "
        "id");
  CHECK(
      lines[1].starts_with("POST team/|sys/plugins/reload/backend sys/plugins/reload/backend  "
                           "[kv/] [none] allowed 500 id 1 error occurred:"));
  CHECK(lines[2].starts_with("POST |sys/plugins/reload/secret/kv "));
  CHECK(Has(lines[2], "denied 403"));
  CHECK(Has(lines[4], " 400 error parsing JSON"));
  CHECK(Has(lines[6], "kv [m/] allowed 204"));
  for (std::size_t i = 7; i < lines.size(); ++i) CHECK(Has(lines[i], " 400 "));
  CHECK_FALSE(Has(host->everything(), "hunter"));
  // The same caller is known again, another one is not the same.
  const auto callers = host->callers();
  const std::string& root = callers[0];
  CHECK(root.size() == 16);
  CHECK(callers[callers.size() - 11] == root);
  CHECK(callers[callers.size() - 9] != root);
  CHECK(callers[callers.size() - 8].empty());
}

TEST_CASE("the statistics count what happens", "[api]") {
  Server server;
  server.Populate();
  const auto value = [&](const std::string& series) {
    const std::string text = server.Call({"GET", "/v1/sys/metrics?format=prometheus"}).body;
    const std::size_t at = text.find("\n" + series + " ");
    INFO(series);
    REQUIRE(at != std::string::npos);
    return std::stod(text.substr(at + series.size() + 2));
  };
  CHECK(value("plugreload_mounts{state=\"serving\"}") == 5);
  CHECK(value("plugreload_instances{state=\"serving\"}") == 5);
  CHECK(value("plugreload_leases_held") == 0);
  const double taken = value("plugreload_acquires_total");
  auto lease = server.runtime().reloads().Acquire("team", "kv/x", kPatience);
  REQUIRE(lease.ok());
  CHECK(value("plugreload_acquires_total") == taken + 1);
  CHECK(value("plugreload_leases_held") == 1);
  server.Must({"POST", "/v1/sys/plugins/reload/backend",
               R"({"plugin":"kv","drain_timeout":"10ms"})", "team"},
              200);
  const std::string blocker =
      R"(plugreload_drain_blocking_leases{namespace="team/",mount="kv/",plugin="kv"})";
  // It counts once everybody has seen the swap, which has no event.
  const Deadline late = After(kPatience);
  while (!Has(server.runtime().Metrics(), blocker) && std::chrono::steady_clock::now() < late) {
    std::this_thread::yield();
  }
  CHECK(value(blocker) == 1);
  CHECK(value("plugreload_instances{state=\"draining\"}") == 1);
  lease->Release();
  REQUIRE(server.host().WaitEvent(EventKind::kReloadFinished));
  CHECK(value("plugreload_reloads_total{result=\"done\"}") == 1);
  CHECK(value("plugreload_reload_phase_seconds_count{phase=\"drain\"}") == 1);
  CHECK(value("plugreload_reload_phase_seconds_bucket{phase=\"drain\",le=\"+Inf\"}") == 1);
  CHECK(value("plugreload_restarts_total") == 0);
  server.plugins().End("ldap v1.0.0");
  REQUIRE(server.host().WaitEvent([](const Event& event) {
    return event.kind == EventKind::kMountServing && event.mount == "auth/ldap/" &&
           event.generation > 1;
  }));
  CHECK(value("plugreload_restarts_total") == 1);
  CHECK(Has(server.Body({"GET", "/v1/sys/auth/ldap"}, 200), "\"restarts\":1,"));
  server.plugins().Break("kv v1.0.0");
  server.Must({"POST", kKv}, 500);
  CHECK(value("plugreload_reloads_total{result=\"failed\"}") == 1);
  CHECK(value("plugreload_dispatched_total{status=\"500\"}") == 1);
  CHECK_FALSE(Has(server.runtime().Metrics(), blocker));
  const std::string json = server.Body({"GET", "/v1/sys/metrics"}, 200);
  CHECK(Like(json, R"({"Timestamp":"<..> +0000 UTC","Gauges":[{"Name":<..>],"Points":[],)"
                   R"("Counters":[{"Name":<..>],"Samples":[{"Name":<..>]})"
                   "\n"));
}

TEST_CASE("the description of the API has every endpoint with its methods and parameters",
          "[api]") {
  Server server;
  server.Populate();
  const std::string root = server.Body({"GET", "/v1/sys/internal/specs/openapi"}, 200);
  for (const char* path : {"/sys/plugins/reload/{type}/{name}",
                           "/sys/plugins/reload/backend",
                           "/sys/plugins/reload/backend/status",
                           "/sys/plugins/reload/backend/cancel",
                           "/sys/plugins/reload/backend/rollback",
                           "/sys/plugins/running",
                           "/sys/plugins/catalog",
                           "/sys/plugins/catalog/{type}",
                           "/sys/plugins/catalog/{type}/{name}",
                           "/sys/plugins/pins",
                           "/sys/plugins/pins/{type}/{name}",
                           "/sys/mounts",
                           "/sys/mounts/{path}",
                           "/sys/mounts/{path}/tune",
                           "/sys/auth",
                           "/sys/auth/{path}",
                           "/sys/auth/{path}/tune",
                           "/sys/remount",
                           "/sys/remount/status/{name}",
                           "/sys/namespaces",
                           "/sys/namespaces/{path}",
                           "/sys/health",
                           "/sys/seal-status",
                           "/sys/metrics",
                           "/sys/internal/specs/openapi"}) {
    INFO(path);
    CHECK(Has(root, "\"" + std::string(path) + "\":{"));
  }
  CHECK(Like(root,
             R"(<..>"/sys/plugins/reload/{type}/{name}":{"parameters":[{"name":"type",)"
             R"("in":"path","required":true,"schema":{"type":"string","enum":["auth",)"
             R"("database","secret","unknown"]}}<..>"post":{<..>"scope":{"type":"string"}<..>)"));
  CHECK(Like(root, R"(<..>"/sys/namespaces/{path}":{<..>"get":{<..>"post":{<..>"patch":{<..>)"
                   R"("delete":{<..>)"));
  const std::string team = server.Body({"GET", "/v1/sys/internal/specs/openapi", "", "team"}, 200);
  CHECK(Has(team, "\"/sys/plugins/reload/backend\""));
  CHECK_FALSE(Has(team, "\"/sys/plugins/pins\""));
}

}  // namespace
}  // namespace plugreload::test
