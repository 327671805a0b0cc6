// Namespaces and mounts: sections 5.1 and 5.2 of the reference, and what clients read of
// sys/mounts, sys/auth, sys/remount, sys/health and sys/seal-status.
#include <string>

#include "api/conformance.hpp"

namespace plugreload::test {
namespace {

const std::string kSpaces = "/v1/sys/namespaces";
const std::string kMissing = Errors("namespace not found");

std::string Space(const std::string& path, const std::string& metadata = "{}") {
  return R"({"id":"<..>","path":")" + path + R"(","custom_metadata":)" + metadata + "}";
}

TEST_CASE("namespaces are created, read, listed and removed as in Vault", "[api]") {
  Server server;
  CheckRows(server,
            {
                {{"LIST", kSpaces}, 404, kNotThere},
                {{"POST", kSpaces + "/team"}, 200, Envelope(Space("team/"))},
                {{"PUT", kSpaces + "/b/", "{}"}, 400, kSlash},
                {{"PATCH", kSpaces + "/team/", "{}"}, 400, kSlash},
                {{"PUT", kSpaces + "/b", R"({"custom_metadata":{"k":"v"}})"},
                 200,
                 Envelope(Space("b/", R"({"k":"v"})"))},
                {{"POST", kSpaces + "/a", "", "team"}, 200, Envelope(Space("team/a/"))},
                {{"POST", "/v1/team/a/sys/namespaces/deep"}, 200, Envelope(Space("team/a/deep/"))},
                {{"LIST", kSpaces},
                 200,
                 Envelope(R"({"keys":["b/","team/"],"key_info":{"b/":)" +
                          Space("b/", R"({"k":"v"})") + R"(,"team/":)" + Space("team/") + "}}")},
                {{"LIST", kSpaces + "/"}, 200, "<..>\"keys\":[\"b/\",\"team/\"]<..>"},
                {{"GET", kSpaces + "?list=True"}, 200, "<..>\"keys\":[\"b/\",\"team/\"]<..>"},
                {{"LIST", kSpaces, "", "team"},
                 200,
                 Envelope(R"({"keys":["a/"],"key_info":{"a/":)" + Space("team/a/") + "}}")},
                {{"LIST", kSpaces, "", "b"}, 404, kNotThere},
                {{"GET", kSpaces + "/team"}, 200, Envelope(Space("team/"))},
                {{"GET", kSpaces + "/a", "", "team/"}, 200, Envelope(Space("team/a/"))},
                {{"GET", kSpaces + "/none"}, 404, kNotThere},
                {{"GET", kSpaces}, 405, kNoOperation},
                {{"DELETE", kSpaces + "/team"},
                 409,
                 Errors("unable to delete namespace containing child namespaces")},
                {{"DELETE", kSpaces + "/deep", "", "team/a"}, 204, ""},
                {{"DELETE", kSpaces + "/deep", "", "team/a"},
                 200,
                 Envelope("null", R"(["requested namespace does not exist"])")},
            });
  for (const char* name : {"root", "sys", "audit", "auth", "cubbyhole", "identity", ".", "..",
                           "a%20b", "a+b", "a%2Ab", "x/y", "api-lock/lock", "api-lock/unlock/b"}) {
    CheckRows(server, {{{"POST", kSpaces + "/" + name}, 400, "{\"errors\":[\"<..>"}});
  }
}

TEST_CASE("a namespace is created with what its body has", "[api]") {
  Server server;
  server.Populate();
  const std::string ignored = R"(["Endpoint ignored these unrecognized parameters: [seals z]"])";
  CheckRows(server, {
                        {{"POST", kSpaces + "/n", R"({"custom_metadata":null,"z":1,"seals":[]})"},
                         200,
                         Envelope(Space("n/"), ignored)},
                        {{"POST", kSpaces + "/m", R"({"custom_metadata":[]})"},
                         400,
                         "{\"errors\":[\"Field validation failed: <..>"},
                        {{"POST", kSpaces + "/m", R"({"custom_metadata":{"a":1}})"},
                         400,
                         "{\"errors\":[\"metadata patch can only have string or null values<..>"},
                        {{"GET", kSpaces + "/m"}, 404, kNotThere},
                        // Its mounts keep it.
                        {{"DELETE", kSpaces + "/a", "", "team"}, 409, "{\"errors\":[\"<..>"},
                        {{"GET", "/v1/sys/mounts/kv", "", "team/a"}, 200, "<..>"},
                        {{"DELETE", "/v1/sys/mounts/kv/", "", "team/a"}, 204, ""},
                        {{"DELETE", kSpaces + "/a", "", "team"}, 204, ""},
                    });
}

TEST_CASE("metadata of a namespace is patched as in Vault", "[api]") {
  Server server;
  const std::string patch = "application/merge-patch+json";
  const auto change = [&](const std::string& metadata) {
    return Line{"PATCH", kSpaces + "/n", R"({"custom_metadata":)" + metadata + "}",
                "",      "root",         patch};
  };
  CheckRows(
      server,
      {
          {change("{}"), 404, kNotThere},
          {{"POST", kSpaces + "/n", R"({"custom_metadata":{"a":"1","b":"2"}})"},
           200,
           Envelope(Space("n/", R"({"a":"1","b":"2"})"))},
          {change(R"({"a":null,"c":"3"})"), 200, Envelope(Space("n/", R"({"b":"2","c":"3"})"))},
          // Vault insists on the content type: a difference that is meant.
          {{"PATCH", kSpaces + "/n", R"({"custom_metadata":{"b":"2"}})"},
           200,
           Envelope(Space("n/", R"({"b":"2","c":"3"})"))},
          {{"PATCH", kSpaces + "/n", "{}", "", "root", patch},
           400,
           Errors("missing required field \"custom_metadata\"")},
          {change(R"({"a":1})"), 400,
           "{\"errors\":[\"metadata patch can only have string or null values, got <..>"},
          {{"GET", kSpaces + "/n"}, 200, Envelope(Space("n/", R"({"b":"2","c":"3"})"))},
      });
}

TEST_CASE("a namespace is found by header and path together, as in Vault", "[api]") {
  Server server;
  server.Populate();
  // The accessor of its mount tells which namespace has answered.
  const auto mount = [&](const std::string& ns) {
    return "<..>\"accessor\":\"" +
           Member(server.Call({"GET", "/v1/sys/mounts/kv", "", ns}).body, "accessor") + "\"<..>";
  };
  const std::string root = mount(""), team = mount("team"), below = mount("team/a");
  CheckRows(server, {
                        {{"GET", "/v1/sys/mounts/kv", "", "root"}, 200, root},
                        {{"GET", "/v1/sys/mounts/kv", "", "/"}, 200, root},
                        {{"GET", "/v1/sys/mounts/kv", "", "root/"}, 200, root},
                        {{"GET", "/v1/team/sys/mounts/kv"}, 200, team},
                        {{"GET", "/v1/team/sys/mounts/kv", "", "root"}, 200, team},
                        {{"GET", "/v1/sys/mounts/kv", "", "team/"}, 200, team},
                        {{"GET", "/v1/sys/mounts/kv", "", "/team/"}, 200, team},
                        {{"GET", "/v1/sys/mounts/kv", "", "//team//"}, 200, team},
                        {{"GET", "/v1/te%61m/sys/mounts/kv"}, 200, team},
                        {{"GET", "/v1/team%2Fa/sys/mounts/kv"}, 200, below},
                        {{"GET", "/v1/team/a/sys/mounts/kv"}, 200, below},
                        {{"GET", "/v1/a/sys/mounts/kv", "", "team"}, 200, below},
                        {{"GET", "/v1/sys/mounts/kv", "", "team/a"}, 200, below},
                        {{"GET", "/v1/sys/mounts/kv", "", "team/nope"}, 404, kMissing},
                        {{"GET", "/v1/sys/mounts/kv", "", "nope"}, 404, kMissing},
                        {{"GET", "/v1/sys/mounts/kv", "", "team//a"}, 404, kMissing},
                        {{"GET", "/v1/nope/sys/mounts/kv"}, 404, kNoPath},
                        {{"GET", "/v1/team//sys/mounts/kv"}, 404, kNoPath},
                        // Decoded once.
                        {{"GET", "/v1/te%2561m/sys/mounts/kv"}, 404, kNoPath},
                        // A header is not encoded.
                        {{"GET", "/v1/sys/mounts/kv", "", "te%61m"}, 404, kMissing},
                    });
}

TEST_CASE("mounts are enabled, read, tuned, moved and disabled as in Vault", "[api]") {
  Server server;
  server.Populate();
  const std::string mounts = "/v1/sys/mounts", auth = "/v1/sys/auth";
  CheckRows(
      server,
      {
          {{"GET", mounts},
           200,
           R"({"kv/":{<..>},"pg/":{<..>},"request_id":<..>"data":{"kv/":{<..>)"},
          {{"GET", auth}, 200, R"({"ldap/":{<..>},"request_id":<..>"data":{"ldap/":{<..>)"},
          {{"GET", mounts + "/kv"}, 200, R"({"accessor":"kv_<..>"data":{"accessor":"kv_<..>)"},
          {{"GET", auth + "/ldap"}, 200, R"({"accessor":"auth_ldap_<..>)"},
          {{"GET", mounts + "/none"}, 400, Errors("No secret engine mount at none/")},
          {{"GET", auth + "/none"}, 400, Errors("No auth engine at none/")},
          // As hvac sends it, and as node-vault does.
          {{"POST", mounts + "/mp",
            R"({"type":"kv","description":"d","config":null,"options":{"a":"b"},"plugin_name":"kv",)"
            R"("local":false,"seal_wrap":false})"},
           204,
           ""},
          {{"POST", mounts + "/mq", R"({"mount_point":"mq","type":"kv"})"}, 204, ""},
          {{"POST", mounts + "/x"}, 400, Errors("backend type must be specified as a string")},
          {{"POST", mounts + "/x", R"({"type":"none"})"},
           400,
           Errors("plugin not found in the catalog: none")},
          {{"POST", mounts + "/mp", R"({"type":"kv"})"},
           400,
           "<..>path is already in use at mp/<..>"},
          {{"POST", auth + "/second", R"({"type":"ldap"})"}, 204, ""},
          {{"GET", mounts + "/mp/tune"},
           200,
           R"({"description":"d","default_lease_ttl":0,"max_lease_ttl":0,<..>"request_id":<..>)"
           R"("data":{"description":"d","default_lease_ttl":0,<..>)"},
          // Warnings of an answer that has nothing else are lost.
          {{"POST", mounts + "/mp/tune", R"({"description":"d","z":1,"max_lease_ttl":"1h"})"},
           204,
           ""},
          {{"PUT", mounts + "/mp/tune", R"({"description":["d"]})"},
           400,
           "{\"errors\":[\"Field validation failed: <..>"},
          {{"POST", mounts + "/mp/tune", R"({"description":"new"})"}, 204, ""},
          {{"GET", mounts + "/mp/tune"}, 200, "<..>\"description\":\"new\"<..>"},
          {{"GET", mounts + "/none/tune"}, 400, Errors("No secret engine mount at none/")},
          {{"POST", auth + "/second/tune", R"({"description":"x"})"}, 204, ""},
          {{"POST", "/v1/sys/remount", R"({"from":"mp","to":"moved/mp"})"},
           200,
           Envelope(R"({"migration_id":"<id>"})")},
          {{"GET", mounts + "/moved/mp"}, 200, "<..>\"description\":\"new\"<..>"},
          {{"POST", "/v1/sys/remount", R"({"from":"mp","to":"x"})"},
           400,
           Errors("no matching mount at \"mp\"")},
          {{"GET", "/v1/sys/remount/status/none"}, 404, kNotThere},
          {{"DELETE", mounts + "/moved/mp"}, 204, ""},
          {{"DELETE", mounts + "/moved/mp"}, 204, ""},
          {{"DELETE", auth + "/second"}, 204, ""},
          {{"LIST", mounts}, 405, kNoOperation},
          {{"LIST", auth}, 405, kNoOperation},
          {{"DELETE", mounts}, 405, kNoOperation},
          {{"DELETE", mounts + "/kv/tune"}, 405, kNoOperation},
          {{"GET", "/v1/sys/remount"}, 405, kNoOperation},
          {{"GET", "/v1/sys/internal/ui/mounts"}, 404, kNoPath},
          {{"POST", mounts, "{}"}, 405, kNoOperation},
      });
}

TEST_CASE("a remount is asked for by its id", "[api]") {
  Server server;
  server.Populate();
  const std::string id =
      Member(server.Call({"PUT", "/v1/sys/remount", R"({"from":"kv/","to":"moved/"})"}).body,
             "migration_id");
  CheckRows(server, {{{"GET", "/v1/sys/remount/status/" + id},
                      200,
                      Envelope(R"({"migration_id":")" + id +
                               R"(","migration_info":{"source_mount":"kv/","target_mount":)"
                               R"("moved/","status":"success"}})")}});
}

TEST_CASE("what clients ask first is answered as in Vault", "[api]") {
  Server server;
  CheckRows(server,
            {
                {{"GET", "/v1/sys/health"},
                 200,
                 R"({"initialized":true,"sealed":false,"standby":false,<..>)"},
                {{"HEAD", "/v1/sys/health"}, 200, "<..>"},
                {{"GET", "/v1/sys/health?standbyok=true"}, 200, "<..>\"sealed\":false<..>"},
                {{"POST", "/v1/sys/health"}, 405, kNoOperation},
                {{"GET", "/v1/sys/seal-status"},
                 200,
                 R"({"type":"none","initialized":true,"sealed":false,<..>)"},
                {{"HEAD", "/v1/sys/seal-status"}, 405, kNoOperation},
                {{"GET", "/v1/sys/internal/specs/openapi"}, 200, R"({"openapi":"3.0.2",<..>)"},
                {{"GET", "/v1/sys/metrics"}, 200, R"({"Timestamp":<..>)"},
                {{"GET", "/v1/sys/metrics?format=prometheus"}, 200, "# HELP plugreload_<..>"},
                {{"GET", "/v1/sys/metrics?format=x"}, 400, "<..>metric response format<..>"},
            });
}

}  // namespace
}  // namespace plugreload::test
