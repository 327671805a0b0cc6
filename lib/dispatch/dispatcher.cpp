#include "dispatch/dispatcher.hpp"

#include <fmt/format.h>
#include <openssl/hmac.h>

#include <chrono>
#include <exception>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "base/meters.hpp"
#include "dispatch/address.hpp"
#include "dispatch/mounts.hpp"
#include "dispatch/route.hpp"
#include "reload/engine.hpp"

namespace plugreload::internal {
namespace {

Reply Forbidden(std::string_view token) {
  if (token.empty()) return Fail(403, {"permission denied", "invalid token"});
  return Fail(403, {"permission denied"});
}

Reply FromParse(const Status& status) {
  if (status.code() == Code::kUnimplemented || status.code() == Code::kNotFound) {
    Reply reply = NotThere();
    reply.status = status.code() == Code::kNotFound ? 404 : 405;
    return reply;
  }
  return Refuse(status.code() == Code::kResourceExhausted ? 413 : 400,
                std::string(status.message()));
}

std::vector<Route> AllRoutes() {
  std::vector<Route> routes;
  for (const auto& family : {ReloadRoutes(), CatalogRoutes(), PinRoutes(), MountRoutes(),
                             NamespaceRoutes(), SystemRoutes(), MetricsRoutes()}) {
    routes.insert(routes.end(), family.begin(), family.end());
  }
  return routes;
}

// The values only: nothing that would keep a part of the runtime alive.
RuntimeOptions Plain(RuntimeOptions options) {
  options.store.reset();
  options.host.reset();
  options.launchers.clear();
  options.process = {};
  return options;
}

// What a call has come to, for the audit.
struct Trace {
  std::string request_id;
  ParsedRequest parsed;
  Address address;
  std::string plugin;
  std::vector<std::string> mounts;
  Call call;  // refers to the others
  bool allowed = false;
};

class RoutingDispatcher : public Dispatcher {
 public:
  RoutingDispatcher(const RuntimeOptions& options, Host& host, PluginRegistry& registry,
                    NamespaceTree& namespaces, ReloadCoordinator& reloads, Engine& engine,
                    Meters& meters)
      : options_(Plain(options)),
        routes_(AllRoutes()),
        backend_{options_, registry, namespaces, reloads, routes_, migrations_, engine, meters},
        host_(host),
        meters_(meters),
        caller_key_(NewUuid() + NewUuid()) {}

  Response Handle(const Request& request) override {
    const auto began = std::chrono::steady_clock::now();
    Trace trace;
    trace.request_id = NewUuid();
    Reply reply;
    try {
      reply = Answer(request, trace);
    } catch (const std::exception& error) {
      reply = Fail(500, {fmt::format("internal error: {}", error.what())});
    }
    Response response = ToResponse(reply, trace.request_id);
    // Sent back in a header, so nothing that could end that header.
    if (request.ns.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos) {
      response.ns = request.ns;
    }
    Meters::Add(meters_.dispatched.at(static_cast<std::size_t>(response.status)));
    Audit(request, trace, reply, began);
    return response;
  }

 private:
  // The order of the checks is Vault's: whoever may not call learns nothing about what there is.
  Reply Answer(const Request& request, Trace& trace) {
    const Deadline deadline = After(backend_.options.dispatch_timeout);
    if (request.target.size() > options_.max_path_bytes) {
      return Refuse(414, fmt::format("the URL has {} bytes, the limit is {}", request.target.size(),
                                     options_.max_path_bytes));
    }
    auto parsed = ParseTarget(request);
    if (!parsed.ok()) return FromParse(parsed.status());
    trace.parsed = *std::move(parsed);
    const Verb verb = trace.parsed.verb;
    if (Writes(verb)) {
      auto body = ParseBody(request, backend_.options);
      if (!body.ok()) return FromParse(body.status());
      trace.parsed.data = *std::move(body);
      if (trace.parsed.path.ends_with('/')) {
        return Refuse(400, "cannot write to a path ending in '/'");
      }
    }
    Captures captures;
    const Route* route = nullptr;
    for (bool sure = false;; sure = true) {
      trace.address = Locate(backend_.namespaces, request.ns, trace.parsed.path);
      captures.clear();
      trace.mounts.clear();
      route = FindRoute(trace.address, captures);
      Describe(request, route, captures, trace);
      trace.allowed = host_.Authorise(trace.call) == Decision::kAllow;
      if (!trace.allowed) return Forbidden(request.token);
      if (trace.address.exists) break;
      // Another node may have made it just now; then what is asked for is another thing.
      if (sure || !backend_.engine.AwaitNamespace(trace.address.ns)) {
        return Refuse(404, "namespace not found");
      }
    }
    if (route == nullptr) return UnsupportedPath();
    const Handler handler = route->HandlerOf(verb);
    if (handler == nullptr) return UnsupportedOperation();
    auto fields = Fields::Decode(trace.parsed.data, route->fields, captures);
    if (!fields.ok()) return Refuse(400, std::string(fields.status().message()));
    const ApiCall api_call{backend_,           trace.request_id,
                           trace.address.ns,   std::move(captures),
                           *std::move(fields), deadline};
    if (auto refused = CheckCaptures(api_call)) return *std::move(refused);
    return WithFieldWarnings(handler(api_call), api_call.fields);
  }

  // What the request means, from its own words alone.
  static void Describe(const Request& request, const Route* route, const Captures& captures,
                       Trace& trace) {
    Call& call = trace.call;
    call.operation = OperationOf(trace.parsed.verb);
    call.ns = trace.address.ns;
    call.path = trace.address.path;
    call.token = request.token;
    call.remote = request.remote;
    if (route == nullptr) return;
    call.endpoint = route->pattern;
    call.unauthenticated = route->unauthenticated;
    const Json& data = trace.parsed.data;
    const std::string_view pattern = route->pattern;
    if (const auto name = captures.find("name");
        name != captures.end() && pattern.starts_with("sys/plugins/")) {
      trace.plugin = name->second;
      if (const auto type = captures.find("type"); type != captures.end()) {
        call.plugin_type = ParsePluginType(type->second).value_or(PluginType::kUnknown);
      }
    } else if (pattern.starts_with("sys/mounts/{") || pattern.starts_with("sys/auth/{")) {
      const bool auth = pattern.starts_with("sys/auth/");
      trace.mounts = {TablePath(auth ? Table::kAuth : Table::kSecret, captures.at("path"))};
      trace.plugin = NamedPlugin(data);
      if (auth && !trace.plugin.empty()) call.plugin_type = PluginType::kAuth;
    } else if (pattern == "sys/remount") {
      trace.mounts = {TextOf(data, "from"), TextOf(data, "to")};
    } else if (pattern == "sys/plugins/reload/backend") {
      trace.plugin = TextOf(data, "plugin");
      const Json* mounts = data.Find("mounts");
      const auto list = mounts == nullptr || mounts->is_null()
                            ? Result<Json>(Json(Json::Array{}))
                            : ConvertField(FieldKind::kList, *mounts);
      // What is no list is refused behind the authoriser.
      if (list.ok()) {
        for (const Json& path : *list->array()) trace.mounts.push_back(*path.string());
      }
    }
    call.plugin = trace.plugin;
    call.mounts = trace.mounts;
  }

  // The same token has the same name, which says nothing else about it.
  std::string CallerOf(const std::string& token) const {
    if (token.empty()) return {};
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (HMAC(EVP_sha256(), caller_key_.data(), static_cast<int>(caller_key_.size()),
             reinterpret_cast<const unsigned char*>(token.data()), token.size(), digest,
             &size) == nullptr) {
      return {};
    }
    std::string text;
    for (unsigned i = 0; i < 8; ++i) text += fmt::format("{:02x}", digest[i]);
    return text;
  }

  void Audit(const Request& request, const Trace& trace, const Reply& reply,
             std::chrono::steady_clock::time_point began) {
    const std::string caller = CallerOf(request.token);
    AuditRecord record;
    record.request_id = trace.request_id;
    record.method = request.method;
    record.call = trace.call;
    record.call.token = {};
    record.caller = caller;
    record.allowed = trace.allowed;
    record.status = reply.status;
    const Json* reload_id = reply.data.Find("reload_id");
    if (reload_id != nullptr && reload_id->string() != nullptr)
      record.reload_id = *reload_id->string();
    record.errors = reply.errors;
    record.duration_us = std::chrono::duration_cast<std::chrono::microseconds>(
                             std::chrono::steady_clock::now() - began)
                             .count();
    host_.Audit(record);
  }

  const Route* FindRoute(const Address& address, Captures& captures) const {
    for (const Route& route : routes_) {
      if (route.where == Where::kRootNamespace && !address.ns.empty()) continue;
      if (MatchRoute(route.pattern, address.path, captures)) return &route;
    }
    return nullptr;
  }

  // Lost, as in Vault, with an error, an empty answer and one that was serialised early.
  static Reply WithFieldWarnings(Reply reply, const Fields& fields) {
    if (reply.status == 200 && reply.layout != Layout::kEarly) {
      reply.warnings.insert(reply.warnings.end(), fields.warnings().begin(),
                            fields.warnings().end());
    }
    return reply;
  }

  const RuntimeOptions options_;
  const std::vector<Route> routes_;
  Migrations migrations_;
  const Backend backend_;
  Host& host_;
  Meters& meters_;
  const std::string caller_key_;
};

}  // namespace

std::unique_ptr<Dispatcher> Dispatcher::Create(const RuntimeOptions& options, Host& host,
                                               PluginRegistry& registry, NamespaceTree& namespaces,
                                               ReloadCoordinator& reloads, Engine& engine,
                                               Meters& meters) {
  return std::make_unique<RoutingDispatcher>(options, host, registry, namespaces, reloads, engine,
                                             meters);
}

}  // namespace plugreload::internal
