#include <memory>
#include <string>

#include "api/server.hpp"
#include "scenario/lagging_store.hpp"
#include "support/catch.hpp"

namespace plugreload::test {
namespace {

const std::string kStatus = "/v1/sys/plugins/reload/backend/status?reload_id=";

void Shared(RuntimeOptions& options) { options.store = NewMemoryStore(); }

TEST_CASE("a global reload over a store of several is told by member", "[api][cluster]") {
  Server server(Shared);
  server.Populate();
  const Response response = server.Call(
      {"POST", "/v1/sys/plugins/reload/secret/kv", R"({"scope":"global","strategy":"all"})"});
  INFO(response.body);
  CHECK(response.status == 202);
  const std::string id = Member(response.body, "reload_id");
  const Response status = server.Call({"GET", kStatus + id});
  INFO(status.body);
  CHECK(status.status == 200);
  CHECK(Has(status.body, R"("results":{"n1":{"timestamp":")"));
  CHECK(Has(status.body, R"("state":"done")"));
  CHECK(Has(status.body, R"("by_start":false,"reloaded":3,"failed":0,"skipped":0)"));
}

TEST_CASE("a member that fails is in the status and the warnings of a global reload",
          "[api][cluster]") {
  Server server(Shared);
  server.Populate();
  server.plugins().Break("kv v1.0.0");
  for (const char* body :
       {R"({"scope":"global","plugin":"kv"})", R"({"scope":"global","mounts":"kv/"})"}) {
    const Response response = server.Call({"POST", "/v1/sys/plugins/reload/backend", body});
    INFO(response.body);
    CHECK(response.status == 202);
    CHECK(Has(response.body, "is broken"));
    const Response status = server.Call({"GET", kStatus + Member(response.body, "reload_id")});
    INFO(status.body);
    CHECK(Has(status.body, R"("error":")"));
    CHECK(Has(status.body, R"("state":"failed")"));
  }
}

// A client that polls would take "unknown" for an answer.
TEST_CASE("of a reload that only the store may know nothing is said without the store",
          "[api][cluster]") {
  Server server([](RuntimeOptions& options) {
    options.store = std::make_shared<Forgetful>(NewMemoryStore());
  });
  const std::string body = R"({"reload_id":"other's"})";
  for (const Response& response :
       {server.Call({"GET", kStatus + "other's"}),
        server.Call({"POST", "/v1/sys/plugins/reload/backend/cancel", body}),
        server.Call({"POST", "/v1/sys/plugins/reload/backend/rollback", body})}) {
    INFO(response.body);
    CHECK(response.status == 503);
    CHECK(Has(response.body, "is not known here; asking the store for it: it is away"));
  }
}

TEST_CASE("how a global reload goes is checked", "[api][cluster]") {
  Server server(Shared);
  const std::string target = "/v1/sys/plugins/reload/secret/kv";
  for (const char* body :
       {R"({"scope":"global","strategy":"some"})", R"({"scope":"global","max_unavailable":"0"})",
        R"({"scope":"global","max_unavailable":"1x"})"}) {
    CHECK(server.Call({"POST", target, body}).status == 400);
  }
}

}  // namespace
}  // namespace plugreload::test
