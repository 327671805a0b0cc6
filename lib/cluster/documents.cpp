#include "cluster/documents.hpp"

#include <fmt/format.h>

#include "cluster/fields.hpp"

namespace plugreload::internal {

std::string Segment(std::string_view reload_id) {
  std::string segment;
  for (const char c : reload_id) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_';
    if (plain) {
      segment += c;
    } else {
      segment += fmt::format("%{:02x}", static_cast<unsigned char>(c));
    }
  }
  return segment;
}

std::string RequestKey(std::string_view reload_id) {
  return std::string(kRequestPrefix) + Segment(reload_id);
}
std::string MemberKey(std::string_view member) {
  return std::string(kMemberPrefix) + std::string(member);
}
std::string ResultsOf(std::string_view reload_id) {
  return std::string(kResultPrefix) + Segment(reload_id) + "/";
}
std::string ResultKey(std::string_view reload_id, std::string_view member) {
  return ResultsOf(reload_id) + std::string(member);
}
std::string PermitsOf(std::string_view reload_id) {
  return std::string(kPermitPrefix) + Segment(reload_id) + "/";
}
std::string PermitKey(std::string_view reload_id, std::uint32_t number) {
  return fmt::format("{}{}", PermitsOf(reload_id), number);
}

std::string EncodeRequest(const GlobalRequest& global) {
  const ReloadRequest& request = global.request;
  Json json(Json::Object{{"id", request.reload_id},
                         {"ns", request.ns},
                         {"reach", Plain(request.reach)},
                         {"policy", Plain(request.policy)},
                         {"strategy", Plain(request.strategy)},
                         {"max_unavailable", request.max_unavailable},
                         {"force", request.force},
                         {"cancelled", global.cancelled},
                         {"requested_at_ms", global.requested_at_ms}});
  if (const auto* plugin = std::get_if<ByPlugin>(&request.target)) {
    json.Set("type", Plain(plugin->type));
    json.Set("plugin", plugin->name);
  } else {
    json.Set("mounts", std::get<ByMounts>(request.target).paths);
  }
  if (!global.node.empty()) json.Set("node", global.node);
  if (global.created != 0) json.Set("created", global.created);
  if (global.pin_before) json.Set("pin_before", PluginToJson(*global.pin_before));
  if (request.order) json.Set("order", Plain(*request.order));
  if (request.start_timeout) json.Set("start_timeout_ms", request.start_timeout->count());
  if (request.drain_timeout) json.Set("drain_timeout_ms", request.drain_timeout->count());
  Json expected{Json::Array{}};
  for (const MemberReport& member : global.expected) {
    expected.Add(Json::Object{{"node", member.node}, {"member", member.member}});
  }
  json.Set("expected", std::move(expected));
  return ToJson(json);
}

std::optional<GlobalRequest> DecodeRequest(std::string_view text) {
  const auto json = ParseJson(text);
  if (!json.ok() || Text(*json, "id").empty()) return std::nullopt;
  GlobalRequest global;
  ReloadRequest& request = global.request;
  request.reload_id = Text(*json, "id");
  request.ns = Text(*json, "ns");
  request.reach = Choice<Reach>(*json, "reach");
  request.policy = Choice<Policy>(*json, "policy");
  request.strategy = Choice<Strategy>(*json, "strategy");
  request.max_unavailable = static_cast<std::uint32_t>(Size(*json, "max_unavailable"));
  request.force = Flag(*json, "force");
  global.node = Text(*json, "node");
  request.scope = global.node.empty() ? Scope::kGlobal : Scope::kLocal;
  if (const Json* before = json->Find("pin_before")) global.pin_before = PluginFromJson(*before);
  if (const Json* mounts = json->Find("mounts"); mounts != nullptr && mounts->array() != nullptr) {
    ByMounts target;
    for (const Json& path : *mounts->array()) {
      if (path.string() != nullptr) target.paths.push_back(*path.string());
    }
    request.target = std::move(target);
  } else {
    request.target = ByPlugin{Choice<PluginType>(*json, "type"), Text(*json, "plugin")};
  }
  if (Number(*json, "order")) request.order = Choice<Order>(*json, "order");
  request.start_timeout = Timeout(*json, "start_timeout_ms");
  request.drain_timeout = Timeout(*json, "drain_timeout_ms");
  global.requested_at_ms = Number(*json, "requested_at_ms").value_or(0);
  global.cancelled = Flag(*json, "cancelled");
  global.created = Number(*json, "created").value_or(0);
  if (const Json* expected = json->Find("expected"); expected != nullptr && expected->array()) {
    for (const Json& member : *expected->array()) {
      MemberReport report;
      report.node = Text(member, "node");
      report.member = Text(member, "member");
      global.expected.push_back(std::move(report));
    }
  }
  return global;
}

}  // namespace plugreload::internal
