// sys/namespaces, sys/health and sys/seal-status.
#include <string>

#include "api/server.hpp"

namespace plugreload::test {
namespace {

const std::string kNamespaces = "/v1/sys/namespaces";

TEST_CASE("namespaces are created, read and listed level by level", "[api]") {
  Server server;
  CHECK(server.Body({"LIST", kNamespaces}, 404) == kNotThere);
  const std::string made =
      server.Body({"POST", kNamespaces + "/team", R"({"custom_metadata":{"owner":"a"}})"}, 200);
  CHECK(Has(made, R"("path":"team/","custom_metadata":{"owner":"a"}})"));
  server.Must({"PUT", kNamespaces + "/team/a"}, 200);
  server.Must({"POST", kNamespaces + "/b", "", "team"}, 200);
  CHECK(Has(server.Body({"LIST", kNamespaces}, 200), R"("data":{"keys":["team/"],)"));
  const std::string below = server.Body({"GET", kNamespaces + "?list=true", "", "team"}, 200);
  CHECK(Has(below, R"("data":{"keys":["a/","b/"],"key_info":{"a/":{"id":")"));
  CHECK(Has(below, R"("path":"team/b/")"));
  CHECK(Has(server.Body({"GET", kNamespaces + "/a", "", "team"}, 200), R"("path":"team/a/")"));
  CHECK(server.Body({"GET", kNamespaces + "/a"}, 404) == kNotThere);
  CHECK(server.Body({"GET", kNamespaces}, 405) == Multi("unsupported operation"));
}

TEST_CASE("a namespace that cannot be is refused", "[api]") {
  Server server;
  server.Populate();
  for (const char* name : {"root", "sys", "auth", "no/parent", "kv", "a%20b", "..", "a//b"}) {
    const Response response = server.Call({"POST", kNamespaces + "/" + name});
    INFO(name << " " << response.body);
    CHECK(response.status == 400);
  }
  CHECK(server.Call({"POST", kNamespaces + "//x"}).status == 404);
  CHECK(Has(server.Body({"POST", kNamespaces + "/n", R"({"custom_metadata":{"a":1}})"}, 400),
            "metadata patch can only have string or null values"));
}

TEST_CASE("metadata is patched key by key", "[api]") {
  Server server;
  server.Must({"POST", kNamespaces + "/n", R"({"custom_metadata":{"a":"1","b":"2"}})"}, 200);
  CHECK(Has(
      server.Body({"PATCH", kNamespaces + "/n", R"({"custom_metadata":{"a":null,"c":"3"}})"}, 200),
      R"("custom_metadata":{"b":"2","c":"3"})"));
  CHECK(server.Body({"PATCH", kNamespaces + "/n"}, 400) ==
        Errors("missing required field \"custom_metadata\""));
  CHECK(server.Body({"PATCH", kNamespaces + "/x", R"({"custom_metadata":{}})"}, 404) == kNotThere);
  server.Must({"POST", kNamespaces + "/n"}, 200);
  CHECK(
      Has(server.Body({"GET", kNamespaces + "/n"}, 200), R"("custom_metadata":{"b":"2","c":"3"})"));
  CHECK(Has(server.Body({"POST", kNamespaces + "/n", R"({"custom_metadata":{"z":"9"}})"}, 200),
            R"("custom_metadata":{"z":"9"})"));
}

TEST_CASE("a namespace goes when it is empty", "[api]") {
  Server server;
  server.Populate();
  CHECK(server.Body({"DELETE", kNamespaces + "/team"}, 409) ==
        Errors("unable to delete namespace containing child namespaces"));
  CHECK(server.Call({"DELETE", kNamespaces + "/a", "", "team"}).status == 409);
  server.Must({"DELETE", "/v1/sys/mounts/kv", "", "team/a"}, 204);
  server.Must({"DELETE", kNamespaces + "/a", "", "team"}, 204);
  CHECK(Has(server.Body({"DELETE", kNamespaces + "/none"}, 200),
            "requested namespace does not exist"));
  CHECK(Has(server.Body({"DELETE", kNamespaces + "/root"}, 200),
            "requested namespace does not exist"));
  CHECK(server.runtime().namespaces().Find("team/a") == std::nullopt);
}

TEST_CASE("health and seal status are bare objects of the root", "[api]") {
  Server server;
  server.Populate();
  const std::string health = server.Body({"GET", "/v1/sys/health"}, 200);
  CHECK(health.starts_with(R"({"initialized":true,"sealed":false,"standby":false,)"));
  CHECK(server.Call({"HEAD", "/v1/sys/health"}).status == 200);
  CHECK(Has(server.Body({"GET", "/v1/sys/seal-status"}, 200), R"("sealed":false)"));
  CHECK(server.Body({"GET", "/v1/sys/health", "", "team"}, 404) == Multi("unsupported path"));
}

}  // namespace
}  // namespace plugreload::test
