// Who holds up a drain: counts always, tag and age where the host tracks leases.
#include <string>
#include <thread>

#include "api/server.hpp"

namespace plugreload::test {
namespace {

const std::string kBackend = "/v1/sys/plugins/reload/backend";
const std::string kReload = R"({"mounts":["kv","auth/ldap"],"drain_timeout":"20ms"})";

void Track(RuntimeOptions& options) { options.track_leases = true; }

PluginLease Take(Server& server, std::string_view path, std::string_view tag) {
  auto lease = server.runtime().reloads().Acquire("", path, kPatience);
  REQUIRE(lease.ok());
  lease->Tag(tag);
  return *std::move(lease);
}

std::string Status(Server& server, const std::string& id) {
  return server.Body({"GET", kBackend + "/status?reload_id=" + id}, 200);
}

TEST_CASE("tracked leases that hold up a drain are told with tag and age", "[api]") {
  Server server(Track);
  server.Populate();
  PluginLease first = Take(server, "kv/x", "upload 7");
  PluginLease second = Take(server, "kv/y", "");
  PluginLease other = Take(server, "pg/x", "not of this reload");
  const std::string body = server.Call({"POST", kBackend, kReload}).body;
  CHECK(Member(body, "state") == "draining");
  CHECK(Has(body, R"("draining":2,"leases":[{"tag":"upload 7","age_ms":)"));
  CHECK(Has(body, R"({"tag":"","age_ms":)"));
  CHECK_FALSE(Has(body, "not of this reload"));
  // Nobody holds the other mount of the reload.
  CHECK(Has(body, R"("draining":0,"prepare_ms")"));
  const std::string id = Member(body, "reload_id");
  CHECK(Has(Status(server, id), R"("phase":"drain","done":2,"total":2)"));
  const auto event = server.host().WaitEvent(EventKind::kReloadDraining);
  REQUIRE(event);
  CHECK(event->message.starts_with("kv/ is held by 2 leases (\"upload 7\" for "));
  // One that is taken now is of the new generation.
  PluginLease fresh = Take(server, "kv/z", "fresh");
  first.Release();
  CHECK(Has(Status(server, id), R"("draining":1,"leases":[{"tag":"","age_ms":)"));
  std::thread([lease = std::move(second)]() mutable { lease.Release(); }).join();
  REQUIRE(server.host().WaitEvent(EventKind::kReloadFinished));
  const std::string done = Status(server, id);
  CHECK(Member(done, "state") == "done");
  CHECK_FALSE(Has(done, "\"leases\""));
}

TEST_CASE("a tag is cut at 64 bytes and can be given anew", "[api]") {
  Server server(Track);
  server.Populate();
  PluginLease lease = Take(server, "kv/x", "first");
  lease.Tag(std::string(100, 'x'));
  PluginLease moved = std::move(lease);
  lease.Tag("an empty lease has none");
  const std::string body = server.Body({"POST", kBackend, kReload}, 200);
  CHECK(Has(body, "[{\"tag\":\"" + std::string(64, 'x') + "\",\"age_ms\":"));
}

TEST_CASE("of many leases the ten oldest are told", "[api]") {
  Server server(Track);
  server.Populate();
  std::vector<PluginLease> leases;
  for (int i = 0; i < 25; ++i) leases.push_back(Take(server, "kv/x", "lease " + std::to_string(i)));
  const std::string body = server.Body({"POST", kBackend, kReload}, 200);
  CHECK(Member(body, "draining") == "0");  // auth/ldap/ comes first
  CHECK(Has(body, R"("draining":25,"leases":[{"tag":)"));
  std::size_t told = 0;
  for (std::size_t at = body.find("\"tag\""); at != std::string::npos;
       at = body.find("\"tag\"", at + 1)) {
    ++told;
  }
  CHECK(told == 10);
}

TEST_CASE("leases that are not tracked are counted only", "[api]") {
  Server server;
  server.Populate();
  PluginLease lease = Take(server, "kv/x", "upload 7");
  const std::string body = server.Body({"POST", kBackend, kReload}, 200);
  CHECK(Has(body, R"("draining":1,"prepare_ms")"));
  CHECK_FALSE(Has(body, "\"leases\""));
}

}  // namespace
}  // namespace plugreload::test
