// dispatch/route.hpp - which path is which endpoint, and what an endpoint is called with.
#ifndef PLUGRELOAD_DISPATCH_ROUTE_HPP_
#define PLUGRELOAD_DISPATCH_ROUTE_HPP_

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dispatch/fields.hpp"
#include "dispatch/migrations.hpp"
#include "dispatch/request.hpp"
#include "dispatch/respond.hpp"
#include "plugreload/namespaces.hpp"
#include "plugreload/registry.hpp"
#include "plugreload/reload.hpp"
#include "plugreload/runtime.hpp"

namespace plugreload::internal {

class Engine;
struct Meters;

using Captures = std::map<std::string, std::string>;

struct Route;

// What the endpoints work on.
struct Backend {
  const RuntimeOptions& options;
  PluginRegistry& registry;
  NamespaceTree& namespaces;
  ReloadCoordinator& reloads;
  const std::vector<Route>& routes;  // all there are
  Migrations& migrations;
  Engine& engine;
  const Meters& meters;
};

// An authorised call of an endpoint.
struct ApiCall {
  const Backend& backend;
  std::string request_id;
  std::string ns;     // canonical; it exists
  Captures captures;  // from the path
  Fields fields;
  Deadline deadline;
};

using Handler = Reply (*)(const ApiCall&);

enum class Where { kEveryNamespace, kRootNamespace };

// One endpoint. The pattern is literal but for `{type}` (auth, database, secret), `{reload_type}`
// (these and unknown; captured as "type"), `{name}` (a plugin's name as Vault's URLs take it),
// `{path*}` and `{name*}` (anything but nothing, with slashes but not at the front), and a last
// `/?` (with or without a slash). A null handler is an operation that it does not have.
struct Route {
  std::string_view pattern;
  Where where = Where::kEveryNamespace;
  std::span<const FieldSpec> fields;
  Handler read = nullptr;
  Handler list = nullptr;
  Handler update = nullptr;
  Handler patch = nullptr;
  Handler remove = nullptr;
  Handler head = nullptr;
  bool unauthenticated = false;   // see Call
  std::string_view summary = {};  // one line, for who reads the description of the API

  Handler HandlerOf(Verb verb) const;
};

// True when the whole path fits; fills `captures`.
bool MatchRoute(std::string_view pattern, std::string_view path, Captures& captures);

// What a path of a mount or of a namespace is refused with when it is too long.
std::optional<Reply> CheckPathBytes(const ApiCall& call, std::string_view path);
// The same for what the path of the call has captured.
std::optional<Reply> CheckCaptures(const ApiCall& call);

// The families of endpoints. The first route that fits a path is the one.
std::vector<Route> ReloadRoutes();
std::vector<Route> CatalogRoutes();
std::vector<Route> PinRoutes();
std::vector<Route> MountRoutes();
std::vector<Route> NamespaceRoutes();
std::vector<Route> SystemRoutes();
std::vector<Route> MetricsRoutes();

// The description of all routes, made from them.
Route OpenApiRoute();

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_DISPATCH_ROUTE_HPP_
