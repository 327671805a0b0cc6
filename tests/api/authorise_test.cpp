// Nobody gets in without the host's word, and nobody learns anything without it.
#include <mutex>
#include <string>
#include <vector>

#include "api/server.hpp"

namespace plugreload::test {
namespace {

struct Seen {
  Operation operation;
  std::string ns, path, token, remote;
  bool operator==(const Seen&) const = default;
};

// What a call is about: "endpoint type/plugin [mount]..."
std::string Subject(const Call& call) {
  std::string text = std::string(call.endpoint) + " " +
                     std::string(PluginTypeName(call.plugin_type)) + "/" + std::string(call.plugin);
  for (const std::string& mount : call.mounts) text += " [" + mount + "]";
  return text;
}

// Lets the token "root" in, and notes what it was asked.
class Gate : public Host {
 public:
  Decision Authorise(const Call& call) noexcept override {
    const std::scoped_lock lock(mutex_);
    seen_.push_back({call.operation, std::string(call.ns), std::string(call.path),
                     std::string(call.token), std::string(call.remote)});
    subject_ = Subject(call);
    return call.token == "root" ? Decision::kAllow : Decision::kDeny;
  }
  Seen Last() const {
    const std::scoped_lock lock(mutex_);
    return seen_.empty() ? Seen{} : seen_.back();
  }
  std::string subject() const {
    const std::scoped_lock lock(mutex_);
    return subject_;
  }
  std::size_t size() const {
    const std::scoped_lock lock(mutex_);
    return seen_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Seen> seen_;
  std::string subject_;
};

const std::string kDenied = Multi("permission denied");
const std::string kNoToken =
    "{\"errors\":[\"2 errors occurred:\\n\\t* permission denied\\n\\t* invalid token\\n\\n\"]}\n";

TEST_CASE("without an authoriser every call is refused", "[api]") {
  Server server([](RuntimeOptions& options) { options.host = nullptr; });
  for (const char* target : {"/v1/sys/health", "/v1/sys/seal-status", "/v1/sys/mounts",
                             "/v1/sys/plugins/catalog", "/v1/nowhere"}) {
    CHECK(server.Body({"GET", target}, 403) == kDenied);
    CHECK(server.Body({"GET", target, "", "", ""}, 403) == kNoToken);
  }
  CHECK(server.Body({"POST", "/v1/sys/namespaces/team"}, 403) == kDenied);
  CHECK(server.runtime().namespaces().List("", Depth::kSubtree).empty());
}

TEST_CASE("a refused caller cannot tell what there is", "[api]") {
  auto gate = std::make_shared<Gate>();
  Server server([&](RuntimeOptions& options) { options.host = gate; });
  server.Populate();
  for (const char* ns : {"", "team", "nowhere", "a//b"}) {
    for (const char* target :
         {"/v1/sys/plugins/reload/foo/x", "/v1/sys/plugins/reload/secret/kv",
          "/v1/sys/plugins/reload/secret/none", "/v1/sys/plugins/reload/backend", "/v1/x"}) {
      CHECK(server.Body({"POST", target, R"({"scope":"all"})", ns, "guest"}, 403) == kDenied);
      CHECK(server.Body({"DELETE", target, "", ns, ""}, 403) == kNoToken);
    }
  }
}

TEST_CASE("what is wrong with the body or a slash is told before the token is looked at", "[api]") {
  auto gate = std::make_shared<Gate>();
  Server server([&](RuntimeOptions& options) { options.host = gate; });
  CHECK(server.Call({"POST", "/v1/sys/plugins/reload/backend", "{", "", "guest"}).status == 400);
  CHECK(server.Call({"POST", "/v1/sys/plugins/reload/backend/", "", "", "guest"}).status == 400);
  CHECK(gate->size() == 0);
}

TEST_CASE("the authoriser sees operation, namespace and the path below it", "[api]") {
  auto gate = std::make_shared<Gate>();
  Server server([&](RuntimeOptions& options) { options.host = gate; });
  server.Populate();
  const std::string pins = "sys/plugins/pins/secret/kv";
  const std::string from = "192.0.2.1:1000";
  const auto seen = [&](const Line& line) {
    server.Call(line);
    return gate->Last();
  };
  CHECK(seen({"GET", "/v1/" + pins}) == Seen{Operation::kRead, "", pins, "root", from});
  CHECK(seen({"HEAD", "/v1/" + pins}) == Seen{Operation::kRead, "", pins, "root", from});
  CHECK(seen({"PUT", "/v1/" + pins}) == Seen{Operation::kUpdate, "", pins, "root", from});
  CHECK(seen({"PATCH", "/v1/" + pins}) == Seen{Operation::kUpdate, "", pins, "root", from});
  CHECK(seen({"DELETE", "/v1/" + pins}) == Seen{Operation::kDelete, "", pins, "root", from});
  CHECK(seen({"GET", "/v1/sys/mounts?list=true"}).operation == Operation::kList);
  CHECK(seen({"LIST", "/v1/sys/mounts"}).operation == Operation::kList);
  CHECK(seen({"GET", "/v1/a/" + pins, "", "/team"}) ==
        Seen{Operation::kRead, "team/a/", pins, "root", from});
  CHECK(seen({"GET", "/v1/team/a/" + pins, "", "root", "guest"}) ==
        Seen{Operation::kRead, "team/a/", pins, "guest", from});
  CHECK(seen({"GET", "/v1/nowhere/" + pins}).path == "nowhere/" + pins);
  CHECK(seen({"GET", "/v1/" + pins, "", "/nowhere/b"}) ==
        Seen{Operation::kRead, "nowhere/b/", pins, "root", from});
  CHECK(seen({"GET", "/v1/sys/%70lugins/pins/secret/kv?list=x"}).path == pins);
}

TEST_CASE("the authoriser sees endpoint, plugin and mounts however they are written", "[api]") {
  auto gate = std::make_shared<Gate>();
  Server server([&](RuntimeOptions& options) { options.host = gate; });
  const auto subject = [&](const Line& line) {
    server.Call(line);
    return gate->subject();
  };
  const std::string reload = "/v1/sys/plugins/reload/", backend = reload + "backend";
  const std::string form = "application/x-www-form-urlencoded";
  const std::string by_name = "sys/plugins/reload/backend unknown/kv";
  CHECK(subject({"POST", reload + "secret/kv"}) ==
        "sys/plugins/reload/{reload_type}/{name} secret/kv");
  CHECK(subject({"POST", reload + "unknown/kv"}) ==
        "sys/plugins/reload/{reload_type}/{name} unknown/kv");
  CHECK(subject({"POST", backend, R"({"plugin":"kv"})"}) == by_name);
  CHECK(subject({"POST", backend, "plugin=kv", "", "root", form}) == by_name);
  CHECK(subject({"POST", backend, R"({"plugin":7})"}) == "sys/plugins/reload/backend unknown/7");
  CHECK(subject({"POST", backend, R"({"mounts":"kv, auth/x"})"}) ==
        "sys/plugins/reload/backend unknown/ [kv] [auth/x]");
  CHECK(subject({"POST", backend, R"({"mounts":["kv",7]})"}) ==
        "sys/plugins/reload/backend unknown/ [kv] [7]");
  CHECK(subject({"POST", "/v1/sys/plugins/catalog/auth/a/b", "{}"}) ==
        "sys/plugins/catalog/{type}/{name*} auth/a/b");
  CHECK(subject({"GET", "/v1/sys/plugins/catalog/a/b"}) ==
        "sys/plugins/catalog/{name*} unknown/a/b");
  CHECK(subject({"DELETE", "/v1/sys/plugins/pins/database/pg"}) ==
        "sys/plugins/pins/{type}/{name} database/pg");
  const std::string mounted = "sys/mounts/{path*} unknown/kv [m/]";
  CHECK(subject({"POST", "/v1/sys/mounts/m", R"({"type":"kv"})"}) == mounted);
  CHECK(subject({"POST", "/v1/sys/mounts/m", R"({"plugin_name":"kv"})"}) == mounted);
  CHECK(subject({"POST", "/v1/sys/mounts/m", R"({"type":"plugin","plugin_name":"kv"})"}) ==
        mounted);
  CHECK(subject({"POST", "/v1/sys/mounts/m", R"({"config":{"plugin_name":"kv"}})"}) == mounted);
  CHECK(subject({"POST", "/v1/sys/mounts/m",
                 R"({"type":"plugin","config":{"plugin_name":"kv"}})"}) == mounted);
  CHECK(subject({"POST", "/v1/sys/mounts/m", R"({"type":7})"}) ==
        "sys/mounts/{path*} unknown/7 [m/]");
  CHECK(subject({"POST", "/v1/sys/auth/m", R"({"type":"ldap"})"}) ==
        "sys/auth/{path*} auth/ldap [auth/m/]");
  CHECK(subject({"GET", "/v1/sys/auth/m/tune"}) == "sys/auth/{path*}/tune unknown/ [auth/m/]");
  CHECK(subject({"POST", "/v1/sys/remount", R"({"from":"a","to":"b"})"}) ==
        "sys/remount unknown/ [a] [b]");
  CHECK(subject({"POST", "/v1/sys/remount", R"({"from":1,"to":true})"}) ==
        "sys/remount unknown/ [1] [1]");
  CHECK(subject({"GET", "/v1/nowhere"}) == " unknown/");
}

}  // namespace
}  // namespace plugreload::test
