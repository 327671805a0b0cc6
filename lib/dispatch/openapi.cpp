// sys/internal/specs/openapi: what there is to call, told by the routes themselves.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "dispatch/route.hpp"
#include "plugreload/version.h"

namespace plugreload::internal {
namespace {

Json Schema(FieldKind kind) {
  switch (kind) {
    case FieldKind::kBool:
      return Json::Object{{"type", "boolean"}};
    case FieldKind::kDuration:
      return Json::Object{{"type", "string"}, {"format", "seconds"}};
    case FieldKind::kList:
    case FieldKind::kStrings:
      return Json::Object{{"type", "array"}, {"items", Json::Object{{"type", "string"}}}};
    case FieldKind::kPairs:
    case FieldKind::kMap:
      return Json::Object{{"type", "object"}};
    case FieldKind::kString:
      break;
  }
  return Json::Object{{"type", "string"}};
}

Json ParameterSchema(std::string_view kind) {
  if (kind != "type" && kind != "reload_type") return Schema(FieldKind::kString);
  Json::Array names{"auth", "database", "secret"};
  if (kind == "reload_type") names.push_back("unknown");
  return Json::Object{{"type", "string"}, {"enum", std::move(names)}};
}

struct ApiPath {
  std::string path;        // "/sys/plugins/pins/{type}/{name}"
  Json::Array parameters;  // of the path
};

ApiPath PathOf(std::string_view pattern) {
  ApiPath result{"/", {}};
  if (pattern.ends_with("/?")) pattern.remove_suffix(2);
  while (!pattern.empty()) {
    const std::size_t open = std::min(pattern.find('{'), pattern.size());
    result.path += pattern.substr(0, open);
    pattern.remove_prefix(open);
    if (pattern.empty()) break;
    const std::size_t close = pattern.find('}');
    const std::string_view kind = pattern.substr(1, close - 1);
    std::string_view name = kind.ends_with('*') ? kind.substr(0, kind.size() - 1) : kind;
    if (name == "reload_type") name = "type";
    result.path += fmt::format("{{{}}}", name);
    result.parameters.push_back(Json::Object{
        {"name", name}, {"in", "path"}, {"required", true}, {"schema", ParameterSchema(kind)}});
    pattern.remove_prefix(close + 1);
  }
  return result;
}

Json Responses(const Route& route) {
  Json data(Json::Object{{"200", Json::Object{{"description", "OK"}}}});
  if (route.remove != nullptr || route.update != nullptr) {
    data.Set("204", Json::Object{{"description", "done, with nothing to tell"}});
  }
  data.Set("400", Json::Object{{"description", "the request cannot be carried out"}});
  data.Set("403", Json::Object{{"description", "permission denied"}});
  return data;
}

Json OperationData(const Route& route, std::string_view verb, const std::string& path) {
  std::string id;
  for (const char c : path) id += c == '/' || c == '{' || c == '}' ? '-' : c;
  const bool writes = verb == "post" || verb == "patch";
  Json data(Json::Object{{"operationId", fmt::format("{}{}", verb, id)},
                         {"summary", route.summary},
                         {"tags", Json::Array{"system"}},
                         {"responses", Responses(route)}});
  if (verb == "get" && route.list != nullptr) {
    // LIST is no method of OpenAPI: this is its other form.
    data.Set("parameters", Json::Array{Json::Object{{"name", "list"},
                                                    {"in", "query"},
                                                    {"required", route.read == nullptr},
                                                    {"schema", Schema(FieldKind::kBool)}}});
  }
  if (route.fields.empty()) return data;
  if (writes) {
    Json properties{Json::Object{}};
    for (const FieldSpec& field : route.fields) properties.Set(field.name, Schema(field.kind));
    data.Set(
        "requestBody",
        Json::Object{
            {"content",
             Json::Object{{"application/json",
                           Json::Object{{"schema",
                                         Json::Object{{"type", "object"},
                                                      {"properties", std::move(properties)}}}}}}}});
    return data;
  }
  Json::Array parameters;
  for (const FieldSpec& field : route.fields) {
    parameters.push_back(
        Json::Object{{"name", field.name}, {"in", "query"}, {"schema", Schema(field.kind)}});
  }
  data.Set("parameters", std::move(parameters));
  return data;
}

Json RouteData(const Route& route, ApiPath path) {
  Json data{Json::Object{}};
  if (!path.parameters.empty()) data.Set("parameters", std::move(path.parameters));
  data.Set("x-vault-unauthenticated", route.unauthenticated);
  const std::array<std::pair<std::string_view, bool>, 4> verbs = {
      {{"get", route.read != nullptr || route.list != nullptr},
       {"post", route.update != nullptr},
       {"patch", route.patch != nullptr},
       {"delete", route.remove != nullptr}}};
  for (const auto& [verb, there] : verbs) {
    if (!there) continue;
    data.Set(verb, OperationData(route, verb, path.path));
  }
  return data;
}

Reply ReadOpenApi(const ApiCall& call) {
  Json paths{Json::Object{}};
  for (const Route& route : call.backend.routes) {
    if (route.where == Where::kRootNamespace && !call.ns.empty()) continue;
    ApiPath path = PathOf(route.pattern);
    if (paths.Find(path.path) != nullptr) continue;
    const std::string name = path.path;
    paths.Set(name, RouteData(route, std::move(path)));
  }
  Reply reply = Data(
      Json::Object{{"openapi", "3.0.2"},
                   {"info", Json::Object{{"title", "plugreload"},
                                         {"description", "The plugin API of Vault, below /v1/."},
                                         {"version", PLUGRELOAD_VERSION_STRING},
                                         {"license", Json::Object{{"name", "MIT"}}}}},
                   {"paths", std::move(paths)}});
  reply.layout = Layout::kBare;
  return reply;
}

}  // namespace

Route OpenApiRoute() {
  return {.pattern = "sys/internal/specs/openapi",
          .fields = {},
          .read = ReadOpenApi,
          .summary = "This description."};
}

}  // namespace plugreload::internal
