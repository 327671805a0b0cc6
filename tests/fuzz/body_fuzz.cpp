// Each body: the first byte chooses the endpoint, from 'a', the rest is the body.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz/harness.hpp"

namespace {

using plugreload::Request;

struct Endpoint {
  const char* method;
  const char* target;
  const char* content_type;
};

constexpr const char* kForm = "application/x-www-form-urlencoded";
constexpr std::array<Endpoint, 18> kEndpoints = {{
    {"POST", "/v1/sys/plugins/reload/backend", ""},
    {"POST", "/v1/sys/plugins/reload/backend", kForm},
    {"PUT", "/v1/sys/plugins/reload/secret/kv", ""},
    {"POST", "/v1/sys/plugins/catalog/secret/new", ""},
    {"POST", "/v1/sys/plugins/catalog/auth/new", kForm},
    {"POST", "/v1/sys/plugins/pins/secret/kv", ""},
    {"POST", "/v1/sys/plugins/pins/secret/kv", kForm},
    {"POST", "/v1/sys/mounts/new", ""},
    {"POST", "/v1/sys/mounts/new", kForm},
    {"POST", "/v1/sys/auth/new", ""},
    {"POST", "/v1/sys/mounts/kv/tune", ""},
    {"POST", "/v1/sys/auth/ldap/tune", kForm},
    {"POST", "/v1/sys/namespaces/new", ""},
    {"PATCH", "/v1/sys/namespaces/team", "application/merge-patch+json"},
    {"POST", "/v1/sys/remount", ""},
    {"POST", "/v1/sys/remount", kForm},
    {"POST", "/v1/sys/plugins/reload/backend/cancel", ""},
    {"POST", "/v1/sys/plugins/reload/backend/rollback", ""},
}};

#ifdef PLUGRELOAD_FUZZ_PLANT
// The bug: who names a mount is copied into a buffer that is too short.
void Copy(std::string_view body) {
  const std::size_t at = body.find("\"mounts\":[\"");
  if (at == std::string_view::npos) return;
  const std::string_view name = body.substr(at + 11);
  volatile char* buffer = new char[24];
  for (std::size_t i = 0; i < name.size() && name[i] != '"'; ++i) buffer[i] = name[i];
  delete[] buffer;
}
#endif

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return -1;
  plugreload::fuzz::World& world = plugreload::fuzz::Choose(data, size);
  const Endpoint& endpoint =
      kEndpoints[(data[0] + kEndpoints.size() * 16 - 'a') % kEndpoints.size()];
  Request request;
  request.method = endpoint.method;
  request.target = endpoint.target;
  request.content_type = endpoint.content_type;
  request.token = "root";
  request.body.assign(reinterpret_cast<const char*>(data) + 1, size - 1);
#ifdef PLUGRELOAD_FUZZ_PLANT
  Copy(request.body);
#endif
  const plugreload::Response response = world.Call(request);
  // So that the next one is made, and not only refused.
  if (response.status < 300 && request.target.ends_with("/new")) {
    request.method = "DELETE";
    request.body.clear();
    world.Call(request);
  }
  return 0;
}
