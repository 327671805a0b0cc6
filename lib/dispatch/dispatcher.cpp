#include "dispatch/dispatcher.hpp"

#include <fmt/format.h>

#include <exception>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.hpp"
#include "dispatch/address.hpp"
#include "dispatch/route.hpp"

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
                             NamespaceRoutes(), SystemRoutes()}) {
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

class RoutingDispatcher : public Dispatcher {
 public:
  RoutingDispatcher(const RuntimeOptions& options, Host& host, PluginRegistry& registry,
                    NamespaceTree& namespaces, ReloadCoordinator& reloads)
      : options_(Plain(options)),
        backend_{options_, registry, namespaces, reloads},
        host_(host),
        routes_(AllRoutes()) {}

  Response Handle(const Request& request) override {
    const std::string request_id = NewUuid();
    Response response;
    try {
      response = ToResponse(Answer(request, request_id), request_id);
    } catch (const std::exception& error) {
      response =
          ToResponse(Fail(500, {fmt::format("internal error: {}", error.what())}), request_id);
    }
    // Sent back in a header, so nothing that could end that header.
    if (request.ns.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos) {
      response.ns = request.ns;
    }
    return response;
  }

 private:
  // The order of the checks is Vault's: whoever may not call learns nothing about what there is.
  Reply Answer(const Request& request, const std::string& request_id) {
    const Deadline deadline = After(backend_.options.dispatch_timeout);
    auto parsed = ParseTarget(request);
    if (!parsed.ok()) return FromParse(parsed.status());
    if (Writes(parsed->verb)) {
      auto body = ParseBody(request, backend_.options);
      if (!body.ok()) return FromParse(body.status());
      parsed->data = *std::move(body);
      if (parsed->path.ends_with('/')) return Refuse(400, "cannot write to a path ending in '/'");
    }
    const Address address = Locate(backend_.namespaces, request.ns, parsed->path);
    const Call call{OperationOf(parsed->verb), address.ns, address.path, request.token,
                    request.remote};
    if (host_.Authorise(call) != Decision::kAllow) return Forbidden(request.token);
    if (!address.exists) return Refuse(404, "namespace not found");

    Captures captures;
    const Route* route = FindRoute(address, captures);
    if (route == nullptr) return UnsupportedPath();
    const Handler handler = route->HandlerOf(parsed->verb);
    if (handler == nullptr) return UnsupportedOperation();
    auto fields = Fields::Decode(parsed->data, route->fields, captures);
    if (!fields.ok()) return Refuse(400, std::string(fields.status().message()));
    const ApiCall api_call{backend_,           request_id, address.ns, std::move(captures),
                           *std::move(fields), deadline};
    return WithFieldWarnings(handler(api_call), api_call.fields);
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
  const Backend backend_;
  Host& host_;
  const std::vector<Route> routes_;
};

}  // namespace

std::unique_ptr<Dispatcher> Dispatcher::Create(const RuntimeOptions& options, Host& host,
                                               PluginRegistry& registry, NamespaceTree& namespaces,
                                               ReloadCoordinator& reloads) {
  return std::make_unique<RoutingDispatcher>(options, host, registry, namespaces, reloads);
}

}  // namespace plugreload::internal
