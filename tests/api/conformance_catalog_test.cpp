// The catalog, the pins and the namespaces, one request a line.
#include <string>
#include <vector>

#include "api/server.hpp"

namespace plugreload::test {
namespace {

struct Row {
  Line line;
  int status;
  std::string body;
};

void Check(Server& server, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    INFO(row.line.method << " " << row.line.target << " ns=" << row.line.ns << " "
                         << row.line.body.substr(0, 200));
    CHECK(server.Body(row.line, row.status) == row.body);
  }
}

const std::string kCatalog = "/v1/sys/plugins/catalog";
const std::string kPins = "/v1/sys/plugins/pins";
const std::string kSpaces = "/v1/sys/namespaces";
const std::string kNoPath = Multi("unsupported path");
const std::string kNoOperation = Multi("unsupported operation");

TEST_CASE("the catalog answers reads, lists and deletes as Vault does", "[api]") {
  Server server;
  server.Populate();
  Check(server, {
                    {{"LIST", kCatalog}, 405, kNoOperation},
                    {{"LIST", kCatalog + "/auth"}, 200, Envelope(R"({"keys":["ldap"]})")},
                    {{"GET", kCatalog + "/auth?list=true"}, 200, Envelope(R"({"keys":["ldap"]})")},
                    {{"GET", kCatalog + "/auth?list=True"}, 200, Envelope(R"({"keys":["ldap"]})")},
                    {{"GET", kCatalog + "/secret/none"}, 404, kNotThere},
                    {{"GET", kCatalog + "/secret/kv?version=9.9.9"}, 404, kNotThere},
                    {{"DELETE", kCatalog + "/secret/none"}, 204, ""},
                    {{"DELETE", kCatalog + "/auth/none?version=v1.0.0"}, 204, ""},
                });
}

TEST_CASE("the pins answer as Vault does", "[api]") {
  Server server;
  server.Populate();
  const std::string kv = kPins + "/secret/kv";
  Check(server,
        {
            {{"LIST", kPins}, 405, kNoOperation},
            {{"GET", kPins + "/"}, 200, Envelope(R"({"pinned_versions":[]})")},
            {{"GET", kv}, 404, Multi("no pinned version for this plugin")},
            {{"GET", kPins + "/unknown/kv"}, 404, kNoPath},
            {{"POST", kv}, 400, Errors("missing plugin version")},
            {{"POST", kv, R"({"version":"v9.0.0"})"},
             400,
             Errors("plugin not found in the catalog; secret plugin \"kv\" version v9.0.0 does not "
                    "exist")},
            {{"GET", kv}, 404, Multi("no pinned version for this plugin")},
        });
  server.Must({"PUT", kv, R"({"version":"1.0.0"})"}, 200);
  const std::string pin = R"({"name":"kv","type":"secret","version":"v1.0.0"})";
  Check(server, {
                    {{"GET", kv}, 200, Envelope(pin)},
                    {{"GET", kPins}, 200, Envelope(R"({"pinned_versions":[)" + pin + "]}")},
                    {{"DELETE", kCatalog + "/secret/kv?version=v1.0.0"},
                     500,
                     Multi("cannot delete a pinned version")},
                });
  server.Must({"DELETE", kv}, 200);
  server.Must({"DELETE", kv}, 200);
}

TEST_CASE("the namespaces answer as Vault does", "[api]") {
  Server server;
  Check(server, {{{"LIST", kSpaces}, 404, kNotThere}});
  server.Populate();
  CHECK(Has(server.Body({"LIST", kSpaces}, 200), R"("keys":["other/","team/"])"));
  CHECK(Has(server.Body({"GET", kSpaces + "?list=True"}, 200), R"("keys":["other/","team/"])"));
  CHECK(Has(server.Body({"LIST", kSpaces, "", "team"}, 200), R"("keys":["a/"])"));
  CHECK(Has(server.Body({"GET", kSpaces + "/a", "", "team"}, 200), R"("path":"team/a/")"));
  for (const char* name : {"root", "sys", "audit", "auth", "cubbyhole", "identity"}) {
    CHECK(server.Call({"POST", kSpaces + "/" + name}).status == 400);
  }
}

}  // namespace
}  // namespace plugreload::test
