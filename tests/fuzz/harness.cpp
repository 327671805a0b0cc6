#include "fuzz/harness.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <utility>

#include "json/json.hpp"

namespace plugreload::fuzz {
namespace {

constexpr unsigned kWritesPerRuntime = 2000;

// Lets the token "root" in. What it is told must be fit to be told.
class Gate : public Host {
 public:
  Decision Authorise(const plugreload::Call& call) noexcept override {
    const bool canonical = call.ns.empty() || (call.ns.ends_with('/') && call.ns != "/");
    // One that cannot be a namespace is given as it came.
    if (!canonical && CanonicalNamespace(call.ns).ok()) std::abort();
    return call.token == "root" ? Decision::kAllow : Decision::kDeny;
  }
  void Audit(const AuditRecord& record) noexcept override {
    if (!record.call.token.empty() || record.status < 200 || record.request_id.empty()) {
      std::abort();
    }
  }
};

// A memory store that takes nothing any more once it is sealed.
class SealedStore : public StateStore {
 public:
  explicit SealedStore(const bool* sealed) : sealed_(sealed) {}
  Result<Revision> Commit(std::span<const Change> changes, Deadline deadline) override {
    if (*sealed_) return Status(Code::kUnavailable, "sealed", "the store of this world is sealed");
    return store_->Commit(changes, deadline);
  }
  Result<Snapshot> Load(std::string_view prefix, Deadline deadline) override {
    return store_->Load(prefix, deadline);
  }
  Result<std::unique_ptr<Watcher>> Watch(std::string_view prefix, Revision after,
                                         WatchCallback callback) override {
    return store_->Watch(prefix, after, std::move(callback));
  }
  Result<std::unique_ptr<Keeper>> Keep(std::string_view key, std::string_view value, Millis ttl,
                                       Deadline deadline) override {
    return store_->Keep(key, value, ttl, deadline);
  }

 private:
  const bool* const sealed_;
  const std::shared_ptr<StateStore> store_ = NewMemoryStore();
};

bool Known(int status) {
  static constexpr int kAll[] = {200, 202, 204, 400, 403, 404, 405, 409, 413, 414, 500, 503};
  return std::find(std::begin(kAll), std::end(kAll), status) != std::end(kAll);
}

bool Reads(const std::string& method) {
  return method == "GET" || method == "HEAD" || method == "LIST";
}

void Check(const Request& request, const Response& response) {
  if (!Known(response.status)) Fail("a status that is not in the contract", request, response);
  if (response.ns != request.ns && !response.ns.empty()) {
    Fail("another namespace was sent back", request, response);
  }
  if (response.ns.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
    Fail("a header that could end itself", request, response);
  }
  if (response.status == 204) {
    if (!response.body.empty()) Fail("a body with 204", request, response);
    return;
  }
  if (response.content_type != "application/json") return;  // Prometheus
  internal::JsonLimits limits;
  limits.max_bytes = 64u << 20;
  const auto body = internal::ParseJson(response.body, limits);
  if (!body.ok()) Fail("a body that is no JSON", request, response);
  const bool errors = body->Find("errors") != nullptr;
  if (errors != (response.status >= 400)) Fail("errors do not fit the status", request, response);
  if (response.body.starts_with(R"({"errors":["1 error occurred:\n\t* internal error: )")) {
    Fail("an exception came out of a handler", request, response);
  }
}

}  // namespace

void Fail(std::string_view what, const Request& request, const Response& response) {
  std::fprintf(stderr, "%.*s\n%s %s\nnamespace: %s\nbody: %s\nanswer: %d %s\n",
               static_cast<int>(what.size()), what.data(), request.method.c_str(),
               request.target.c_str(), request.ns.c_str(), request.body.c_str(), response.status,
               response.body.c_str());
  std::abort();
}

World::World(Fill fill) : fill_(fill) { Renew(); }

void World::Begin() {
  if (writes_ >= kWritesPerRuntime) Renew();
}

World::~World() {
  starter_.Become(Starter::Mode::kStart);
  starter_of_other_.Become(Starter::Mode::kStart);
}

RuntimeOptions World::Options() {
  RuntimeOptions options;
  options.launchers["callback"] = starter_.NewLauncher();
  // No plugin with a file is ever mounted: its hash would have to be guessed.
  options.dispatch_launchers = {"callback", "process"};
  options.host = std::make_shared<Gate>();
  options.history = 16;
  options.track_leases = true;
  if (fill_ == Fill::kMembers) options.store = NewMemoryStore();
  if (fill_ == Fill::kSealed) {
    options.store = std::make_shared<SealedStore>(&sealed_);
    options.max_queued_reloads = 0;
    options.refuse_unknown_plugin = true;
  }
  // Durations in a body may be years; nothing here takes longer than its work.
  options.dispatch_timeout = Millis{10'000};
  // Within reach of short inputs, which are quick.
  options.max_body_bytes = 480;
  options.max_json_depth = 16;
  options.max_path_bytes = 250;
  options.max_name_bytes = 32;
  options.max_mount_bytes = 64;
  options.max_mounts_per_request = 16;
  return options;
}

void World::Renew() {
  runtime_ = nullptr;
  sealed_ = false;
  RuntimeOptions options = Options();
  auto runtime = Runtime::Create(options);
  if (!runtime.ok()) std::abort();
  runtime_ = *std::move(runtime);
  writes_ = 0;
  if (fill_ == Fill::kEmpty) return;
  Populate();
  if (fill_ == Fill::kFull) {
    // One to roll back.
    ReloadRequest request;
    request.target = ByPlugin{PluginType::kSecret, "kv"};
    request.reach = Reach::kSubtree;
    request.reload_id = "r1";
    if (!runtime_->reloads().Reload(request).ok()) std::abort();
  }
  if (fill_ == Fill::kTold) lease_ = MakeHistory(*runtime_, starter_);
  if (fill_ == Fill::kMembers) {
    options.node = "other";
    options.launchers["callback"] = starter_of_other_.NewLauncher();
    auto other = Runtime::Create(options);
    if (!other.ok()) std::abort();
    other_ = *std::move(other);
    MakeGlobalHistory(*runtime_, *other_, starter_of_other_);
  }
  sealed_ = fill_ == Fill::kSealed;
}

void World::Populate() {
  for (const char* ns : {"team", "team/a", "other"}) {
    Must("POST", (std::string("/v1/sys/namespaces/") + ns).c_str(), "", "");
  }
  const char* first = R"({"launcher":"callback","version":"1.0.0"})";
  Must("POST", "/v1/sys/plugins/catalog/secret/kv", first, "");
  Must("POST", "/v1/sys/plugins/catalog/secret/kv", R"({"launcher":"callback","version":"2.0.0"})",
       "");
  Must("POST", "/v1/sys/plugins/catalog/auth/ldap", first, "");
  Must("POST", "/v1/sys/plugins/catalog/database/pg", first, "");
  for (const char* ns : {"", "team", "team/a"}) {
    Must("POST", "/v1/sys/mounts/kv", R"({"type":"kv","plugin_version":"1.0.0"})", ns);
  }
  Must("POST", "/v1/sys/mounts/pg", R"({"type":"pg"})", "");
  Must("POST", "/v1/sys/auth/ldap", R"({"type":"ldap"})", "");
  Must("POST", "/v1/sys/plugins/pins/auth/ldap", R"({"version":"1.0.0"})", "");
}

void World::Must(const char* method, const char* target, const char* body, const char* ns) {
  const Request request{method, target, ns, "root", "", body, ""};
  const Response response = runtime_->Dispatch(request);
  if (response.status >= 300) Fail("the world could not be filled", request, response);
}

Response World::Call(const Request& request) {
  Response response = runtime_->Dispatch(request);
  Check(request, response);
  const bool wrote = response.status < 300 && !Reads(request.method);
  if (wrote) ++writes_;
  return response;
}

World& Told() {
  static World told(World::Fill::kTold);
  return told;
}

World& Members() {
  static World members(World::Fill::kMembers);
  return members;
}

World& Choose(const std::uint8_t* data, std::size_t size) {
  static World sealed(World::Fill::kSealed), full(World::Fill::kFull);
  std::uint32_t hash = 2166136261u;
  for (std::size_t i = 0; i < size; ++i) hash = (hash ^ data[i]) * 16777619u;
  World& world = hash >> 26 == 0 ? full : sealed;
  world.Begin();
  return world;
}

std::string TakeLine(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string line(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

}  // namespace plugreload::fuzz
