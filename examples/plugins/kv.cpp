// A key-value plugin. Built once per version: KV_VERSION is the only difference.
//
//   GET key      200 {"data":{"value":"..."},...}, or 404
//   PUT, POST    stores the body as the value; 204
//   DELETE       204
//   LIST dir/    (or GET dir/?list=true) 200 {"data":{"keys":[...]},...}, or 404
//
// Every answer with a body tells who gave it: version, pid, and how many requests with a unique
// X-Request-Id this process has had. ?delay_ms=500 makes a request slow.
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>
#include <thread>

#include "http/json_text.hpp"
#include "plugins/kv_store.hpp"
#include "plugins/plugin_main.hpp"

namespace {

using example::HttpRequest;
using example::HttpResponse;
using example::KvStore;
using example::RequestIds;

// Where the mount keeps its values. The accessor stays when a mount is moved.
std::string MountName(const HttpRequest& request) {
  const auto accessor = request["X-Plugreload-Accessor"];
  if (!accessor.empty()) return std::string(accessor);
  return std::string(request["X-Plugreload-Namespace"]) + "|" +
         std::string(request["X-Plugreload-Mount"]);
}

void Delay(std::string_view query) {
  const std::size_t at = query.find("delay_ms=");
  if (at == std::string_view::npos) return;
  int ms = 0;
  std::from_chars(query.data() + at + 9, query.data() + query.size(), ms);
  std::this_thread::sleep_for(std::chrono::milliseconds(std::clamp(ms, 0, 30'000)));
}

class Kv {
 public:
  explicit Kv(const std::string& directory)
      : store_(directory),
        ids_(std::getenv("KV_JOURNAL") != nullptr ? directory + "/requests.log" : "", KV_VERSION) {}

  HttpResponse Handle(const HttpRequest& request) {
    const std::string id(request["X-Request-Id"]);
    const RequestIds::Counts counts = ids_.Add(id);
    const std::string target(request.target());
    const std::size_t question = std::min(target.find('?'), target.size());
    const std::string key = example::PercentDecode(target.substr(1, question - 1));
    const std::string query = target.substr(question);
    Delay(query);

    const std::string mount = MountName(request);
    const std::string method(request.method_string());
    if (method == "LIST" || (method == "GET" && query.find("list=true") != std::string::npos)) {
      return List(mount, key, id, counts);
    }
    if (!KvStore::ValidKey(key) || !example::IsUtf8(key)) {
      return example::ErrorResponse(400, "a key is UTF-8 text of up to about 200 bytes");
    }
    if (method == "GET") {
      const auto value = store_.Get(mount, key);
      if (!value) return example::JsonResponse(404, "{\"errors\":[]}\n");
      return Answer("{\"value\":" + example::Quote(*value) + "}", id, counts);
    }
    if (method == "PUT" || method == "POST") {
      if (!example::IsUtf8(request.body())) {
        return example::ErrorResponse(400, "a value is UTF-8 text");
      }
      store_.Put(mount, key, request.body());
      return example::JsonResponse(204, "");
    }
    if (method == "DELETE") {
      store_.Delete(mount, key);
      return example::JsonResponse(204, "");
    }
    return example::ErrorResponse(405, "unsupported operation");
  }

 private:
  HttpResponse List(const std::string& mount, std::string prefix, const std::string& id,
                    const RequestIds::Counts& counts) const {
    if (!prefix.empty() && prefix.back() != '/') prefix += '/';
    std::string keys;
    for (const std::string& name : store_.List(mount, prefix)) {
      if (!keys.empty()) keys += ',';
      keys += example::Quote(name);
    }
    if (keys.empty()) return example::JsonResponse(404, "{\"errors\":[]}\n");
    return Answer("{\"keys\":[" + keys + "]}", id, counts);
  }

  static HttpResponse Answer(const std::string& data, const std::string& id,
                             const RequestIds::Counts& counts) {
    return example::JsonResponse(
        200, "{\"data\":" + data +
                 ",\"version\":\"" KV_VERSION "\",\"pid\":" + std::to_string(getpid()) +
                 ",\"unique_requests\":" + std::to_string(counts.unique) +
                 ",\"duplicate_requests\":" + std::to_string(counts.duplicate) +
                 ",\"request_id\":" + example::Quote(id) + "}\n");
  }

  KvStore store_;
  RequestIds ids_;
};

}  // namespace

int main() {
  const char* directory = std::getenv("PLUGRELOAD_DATA_DIR");
  if (directory == nullptr || directory[0] == '\0') {
    std::fputs("PLUGRELOAD_DATA_DIR is not set: start the host with --data-dir\n", stderr);
    return 1;
  }
  try {
    Kv kv(directory);
    // As a plugin with much to load would: it takes as long until it can serve.
    if (const char* wait = std::getenv("KV_START_MS")) {
      std::this_thread::sleep_for(std::chrono::milliseconds(std::stoul(wait)));
    }
    return example::RunPlugin(
        [&kv](HttpRequest& request, const std::string&) { return kv.Handle(request); });
  } catch (const std::exception& e) {
    std::fprintf(stderr, "[ERROR] %s\n", e.what());
    return 1;
  }
}
