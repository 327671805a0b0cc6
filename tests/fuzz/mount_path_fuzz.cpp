// The text of a mount path, in every place where a request can have one, and as a path to acquire.
//
// What must hold: a canonical path is its own canonical form, has no empty, "." or ".." segment and
// no control character; what could be mounted is found there, and what was refused is not.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "fuzz/harness.hpp"

namespace {

using plugreload::Millis;
using plugreload::Request;
using plugreload::Response;
using plugreload::fuzz::Fail;
using plugreload::fuzz::World;

plugreload::Result<std::string> Canonical(const std::string& path) {
  auto canonical = plugreload::CanonicalMountPath(path);
#ifdef PLUGRELOAD_FUZZ_PLANT
  // The bug: a last segment ".." is let through.
  if (path.ends_with("/..") && plugreload::CanonicalMountPath(path + "x").ok()) return path + "/";
#endif
  return canonical;
}

void CheckText(const std::string& path) {
  const auto canonical = Canonical(path);
  if (!canonical.ok()) return;
  const auto again = Canonical(*canonical);
  if (!again.ok() || *again != *canonical) std::abort();
  const std::string around = "/" + *canonical;
  if (around.find("//") != std::string::npos || around.find("/./") != std::string::npos ||
      around.find("/../") != std::string::npos) {
    std::abort();
  }
}

std::string Percent(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

std::string Quoted(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || c == '"' || c == '\\') {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  World& world = plugreload::fuzz::Choose(data, size);
  const std::string path(reinterpret_cast<const char*>(data), size);
  CheckText(path);
  Request request;
  request.token = "root";
  request.method = "POST";
  request.target = "/v1/sys/plugins/reload/backend";
  request.body = R"({"dry_run":true,"mounts":[)" + Quoted(path) + "]}";
  world.Call(request);
  (void)world.runtime().reloads().Acquire("", path, Millis{0});
  (void)world.runtime().namespaces().Resolve("team", path);
  // With nothing started: what is tried is the path.
  request.target = "/v1/sys/mounts/" + Percent(path);
  request.body = R"({"type":"kv","start":"lazy"})";
  const Response mounted = world.Call(request);
  request.body.clear();
  request.method = "GET";
  const Response read = world.Call(request);
  if (mounted.status == 204 && read.status != 200) Fail("mounted and not there", request, read);
  // What ends in "/tune" has tuned a mount, and mounted none.
  if (mounted.status != 204 || path.ends_with("/tune")) return 0;
  request.method = "DELETE";
  world.Call(request);
  request.method = "GET";
  const Response gone = world.Call(request);
  if (gone.status == 200) Fail("unmounted and still there", request, gone);
  return 0;
}
