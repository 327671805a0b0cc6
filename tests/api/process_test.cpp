// The way of a person with curl, with real processes.
#include <string>

#include "api/server.hpp"

namespace plugreload::test {
namespace {

TEST_CASE("a real plugin is registered, mounted, pinned and reloaded by requests alone",
          "[api][slow]") {
  Server server;
  const std::string path = PluginPath("good");
  const std::string sha = Sha256OfFile(path);
  const auto registration = [&](const std::string& version) {
    return R"({"command":")" + path + R"(","sha256":")" + sha + R"(","version":")" + version +
           R"(","protocols":["http"]})";
  };
  const std::string catalog = "/v1/sys/plugins/catalog/secret/kv";
  server.Must({"POST", catalog, registration("1.0.0")}, 204);
  server.Must({"POST", catalog, registration("2.0.0")}, 204);
  server.Must({"POST", "/v1/sys/namespaces/team"}, 200);
  server.Must({"POST", "/v1/sys/plugins/pins/secret/kv", R"({"version":"1.0.0"})"}, 200);
  server.Must({"POST", "/v1/sys/mounts/kv", R"({"type":"kv"})"}, 204);
  server.Must({"POST", "/v1/team/sys/mounts/kv", R"({"type":"kv"})"}, 204);
  CHECK(server.Running("team", "kv/x") == "v1.0.0");
  const std::string before = Member(server.Body({"GET", "/v1/sys/mounts/kv"}, 200), "pid");

  server.Must({"POST", "/v1/sys/plugins/pins/secret/kv", R"({"version":"2.0.0"})"}, 200);
  const std::string body = server.Body({"POST", "/v1/sys/plugins/reload/secret/kv"}, 200);
  CHECK(Member(body, "reloaded") == "2");
  CHECK(Member(body, "sealed") == "true");
  CHECK(server.Running("", "kv/x") == "v2.0.0");
  const std::string mount = server.Body({"GET", "/v1/sys/mounts/kv"}, 200);
  CHECK(Member(mount, "running_sha256") == sha);
  CHECK(Member(mount, "running_plugin_version") == "v2.0.0");
  CHECK(Member(mount, "pid") != before);
}

TEST_CASE("a plugin with another hash than registered never runs", "[api][slow]") {
  Server server;
  server.Must(
      {"POST", "/v1/sys/plugins/catalog/secret/kv",
       R"({"command":")" + PluginPath("good") + R"(","sha256":")" + std::string(64, '0') + R"("})"},
      204);
  const std::string body = server.Body({"POST", "/v1/sys/mounts/kv", R"({"type":"kv"})"}, 400);
  CHECK(Has(body, "checksums did not match"));
  CHECK(server.Call({"GET", "/v1/sys/mounts/kv"}).status == 400);
}

}  // namespace
}  // namespace plugreload::test
