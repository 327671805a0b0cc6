// The request line with its namespace: three lines, method, target and X-Vault-Namespace.
//
// Besides what holds for every answer: whoever may not call gets the same from a full server as
// from an empty one, byte by byte.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz/harness.hpp"

namespace {

using plugreload::Request;
using plugreload::Response;
using plugreload::fuzz::World;

Response Denied(World& world, Request request) {
  request.token = "guest";
  Response response = world.Call(request);
#ifdef PLUGRELOAD_FUZZ_PLANT
  // The bug: a refused caller is told about a mount of a namespace that is there.
  Request probe = request;
  probe.token = "root";
  probe.method = "GET";
  if (response.status == 403 && request.ns == "team" && world.Call(probe).status == 200) {
    response.status = 404;
  }
#endif
  return response;
}

bool Same(const Response& a, const Response& b) {
  return a.status == b.status && a.body == b.body && a.content_type == b.content_type &&
         a.ns == b.ns;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World empty(World::Fill::kEmpty);
  std::string_view text(reinterpret_cast<const char*>(data), size);
  Request request;
  request.method = plugreload::fuzz::TakeLine(text);
  request.target = plugreload::fuzz::TakeLine(text);
  request.ns = plugreload::fuzz::TakeLine(text);
  const bool reads = request.method == "GET" || request.method == "LIST";
  World& full = reads ? plugreload::fuzz::Told() : plugreload::fuzz::Choose(data, size);
  const Response there = Denied(full, request), nowhere = Denied(empty, request);
  if (!Same(there, nowhere)) plugreload::fuzz::Fail("a refused caller can tell", request, there);
  request.token = "root";
  full.Call(request);
  // What two members tell of each other.
  if (reads) plugreload::fuzz::Members().Call(request);
  return 0;
}
