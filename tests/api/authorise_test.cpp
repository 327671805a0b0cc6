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

// Lets the token "root" in, and notes what it was asked.
class Gate : public Host {
 public:
  Decision Authorise(const Call& call) noexcept override {
    const std::scoped_lock lock(mutex_);
    seen_.push_back({call.operation, std::string(call.ns), std::string(call.path),
                     std::string(call.token), std::string(call.remote)});
    return call.token == "root" ? Decision::kAllow : Decision::kDeny;
  }
  Seen Last() const {
    const std::scoped_lock lock(mutex_);
    return seen_.empty() ? Seen{} : seen_.back();
  }
  std::size_t size() const {
    const std::scoped_lock lock(mutex_);
    return seen_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::vector<Seen> seen_;
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

}  // namespace
}  // namespace plugreload::test
