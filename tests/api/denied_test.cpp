// Whoever may not call cannot tell what there is: every endpoint with every method, once with names
// that exist and once with names that do not, and the answers are the same byte by byte.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "api/server.hpp"
#include "plugreload/authoriser.hpp"

namespace plugreload::test {
namespace {

// The ready-made authoriser, as a host uses it.
class TokenHost : public Host {
 public:
  explicit TokenHost(const std::vector<TokenRule>& rules) : tokens_(*StaticTokens::Create(rules)) {}
  Decision Authorise(const Call& call) noexcept override { return tokens_.Authorise(call); }

 private:
  const StaticTokens tokens_;
};

// An endpoint below /v1/ with its body, as a caller who guesses would try it: {} is what exists, or
// something that does not.
struct Probe {
  std::string path, body, existing;
};

const std::vector<std::string> kMethods = {"GET", "HEAD", "LIST", "POST", "PUT", "PATCH", "DELETE"};

std::vector<Probe> Probes(const std::string& reload_id, const std::string& migration_id) {
  return {
      {"sys/plugins/reload/backend", R"({"plugin":"{}"})", "kv"},
      {"sys/plugins/reload/backend", R"({"mounts":"{}"})", "kv"},
      {"sys/plugins/reload/backend/status?reload_id={}", "", reload_id},
      {"sys/plugins/reload/backend/cancel", R"({"reload_id":"{}"})", reload_id},
      {"sys/plugins/reload/backend/rollback", R"({"reload_id":"{}"})", reload_id},
      {"sys/plugins/running", "", ""},
      {"sys/plugins/reload/secret/{}", "", "kv"},
      {"sys/plugins/catalog", "", ""},
      {"sys/plugins/catalog/{}", "", "secret"},
      {"sys/plugins/catalog/secret/{}?version=1.0.0", R"({"version":"1.0.0"})", "kv"},
      {"sys/plugins/catalog/{}/x", R"({"version":"1.0.0"})", "secret"},
      {"sys/plugins/pins", "", ""},
      {"sys/plugins/pins/secret/{}", R"({"version":"1.0.0"})", "kv"},
      {"sys/mounts", "", ""},
      {"sys/mounts/{}", R"({"type":"kv"})", "kv"},
      {"sys/mounts/new", R"({"type":"{}"})", "kv"},
      {"sys/mounts/{}/tune", R"({"description":"x"})", "kv"},
      {"sys/auth", "", ""},
      {"sys/auth/{}", R"({"type":"ldap"})", "ldap"},
      {"sys/auth/{}/tune", R"({"description":"x"})", "ldap"},
      {"sys/remount", R"({"from":"{}","to":"new"})", "kv"},
      {"sys/remount", R"({"from":"none","to":"{}"})", "kv"},
      {"sys/remount/status/{}", "", migration_id},
      {"sys/namespaces", "", ""},
      {"sys/namespaces/{}", R"({"custom_metadata":{"a":"b"}})", "team"},
      {"sys/internal/specs/openapi", "", ""},
      {"sys/metrics", "", ""},
      {"sys/{}", "", "mounts"},
      {"{}/mounts", "", "sys"},
      {"{}/x", "", "kv"},
  };
}

std::string Filled(std::string text, const std::string& name) {
  const std::size_t at = text.find("{}");
  return at == std::string::npos ? text : text.replace(at, 2, name);
}

// What somebody who may not call gets, all of it, with the header that comes back left out: it is
// what the caller sent.
std::string Seen(Server& server, const std::string& method, const Probe& probe,
                 const std::string& name, const std::string& prefix, const std::string& ns,
                 const std::string& token) {
  const bool writes = method == "POST" || method == "PUT" || method == "PATCH";
  const Response response =
      server.Call({method, "/v1/" + prefix + Filled(probe.path, name),
                   writes ? Filled(probe.body, name) : std::string(), ns, token});
  CHECK(response.ns == ns);
  return std::to_string(response.status) + " " + response.content_type + " " + response.body;
}

TokenRule Rule(std::string token, std::string ns) {
  TokenRule rule;
  rule.token = std::move(token);
  rule.ns = std::move(ns);
  return rule;
}
const std::vector<TokenRule> kRoot = {Rule("root", "")};

struct World {
  explicit World(std::vector<TokenRule> rules)
      : server(
            [&](RuntimeOptions& options) { options.host = std::make_shared<TokenHost>(rules); }) {
    server.Populate();
    server.Must({"POST", "/v1/sys/plugins/pins/secret/kv", R"({"version":"1.0.0"})"}, 200);
    server.Must({"POST", "/v1/sys/mounts/old", R"({"type":"kv"})"}, 204);
    const auto id = [&](const std::string& target, const std::string& body) {
      return Member(server.Call({"POST", target, body}).body, "request_id");
    };
    migration_id = id("/v1/sys/remount", R"({"from":"old","to":"moved"})");
    reload_id = id("/v1/sys/plugins/reload/secret/kv", "");
    REQUIRE(!reload_id.empty());
    REQUIRE(!migration_id.empty());
  }

  // How many answers were compared.
  std::size_t Compare(const std::string& token, const std::string& existing_ns,
                      const std::string& missing_ns) {
    std::size_t compared = 0;
    for (const Probe& probe : Probes(reload_id, migration_id)) {
      for (const std::string& method : kMethods) {
        const auto seen = [&](const std::string& name, const std::string& ns) {
          return std::vector{
              Seen(server, method, probe, name, "", ns, token),
              Seen(server, method, probe, name, ns.empty() ? "" : ns + "/", "", token)};
        };
        const auto there = seen(probe.existing, existing_ns);
        INFO(token << ": " << method << " " << probe.path << " in " << existing_ns << " or "
                   << missing_ns);
        CHECK(there == seen("none", existing_ns));
        CHECK(there == seen(probe.existing, missing_ns));
        CHECK(there == seen("none", missing_ns));
        CHECK(std::all_of(there.begin(), there.end(),
                          [](const auto& text) { return text.starts_with("403 "); }));
        compared += 3 * there.size();
      }
    }
    return compared;
  }

  Server server;
  std::string reload_id, migration_id;
};

TEST_CASE("a denied caller gets the same for what exists and for what does not", "[api]") {
  World world(kRoot);
  for (const char* token : {"", "guest"}) {
    CHECK(world.Compare(token, "", "") > 1000);
    CHECK(world.Compare(token, "team", "nope") > 1000);
    CHECK(world.Compare(token, "team/a", "team/nope") > 1000);
  }
}

TEST_CASE("a token of one namespace gets the same for what exists elsewhere and what does not",
          "[api]") {
  TokenRule alone = Rule("alone", "team"), reader = Rule("reader", "other");
  alone.subtree = false;
  alone.endpoints = {"sys/mounts*", "sys/plugins/reload/*"};
  reader.operations = {Operation::kRead};
  World world({Rule("root", ""), Rule("below", "team/a"), alone, reader});
  CHECK(world.server.Call({"GET", "/v1/sys/mounts", "", "team/a", "below"}).status == 200);
  CHECK(world.server.Call({"GET", "/v1/sys/mounts", "", "team", "alone"}).status == 200);
  CHECK(world.server.Call({"GET", "/v1/sys/mounts", "", "other", "reader"}).status == 200);
  world.Compare("below", "", "");
  world.Compare("below", "team", "nope");
  world.Compare("below", "other", "nope");
  world.Compare("alone", "", "");
  world.Compare("alone", "other", "nope");
  // Not even of the namespaces below its own.
  world.Compare("alone", "team/a", "team/nope");
  world.Compare("reader", "", "");
  world.Compare("reader", "team", "nope");
}

TEST_CASE("the probes of a denied caller name every endpoint there is", "[api]") {
  World world(kRoot);
  const std::string described = world.server.Call({"GET", "/v1/sys/internal/specs/openapi"}).body;
  std::vector<std::string> paths;
  for (std::size_t at = described.find("\"/sys/"); at != std::string::npos;
       at = described.find("\"/sys/", at + 1)) {
    paths.push_back(described.substr(at + 2, described.find('"', at + 1) - at - 2));
  }
  REQUIRE(paths.size() > 15);
  const auto segments = [](const std::string& path) {
    return std::count(path.begin(), path.end(), '/');
  };
  for (const std::string& path : paths) {
    if (path == "sys/health" || path == "sys/seal-status") continue;  // for everybody
    const std::string literal = path.substr(0, path.find('{'));
    const auto probes = Probes("x", "x");
    INFO(path);
    CHECK(std::any_of(probes.begin(), probes.end(), [&](const Probe& probe) {
      const std::string target = probe.path.substr(0, probe.path.find('?'));
      return target.starts_with(literal) && segments(target) == segments(path);
    }));
  }
}

}  // namespace
}  // namespace plugreload::test
