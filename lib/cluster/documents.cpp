#include "cluster/documents.hpp"

#include <fmt/format.h>

#include "json/json.hpp"

namespace plugreload::internal {
namespace {

constexpr std::size_t kLongestError = 1024;

std::string Text(const Json& json, std::string_view key) {
  const Json* value = json.Find(key);
  return value != nullptr && value->string() != nullptr ? *value->string() : std::string();
}
std::optional<std::int64_t> Number(const Json& json, std::string_view key) {
  const Json* value = json.Find(key);
  return value == nullptr ? std::nullopt : value->integer();
}
bool Flag(const Json& json, std::string_view key) {
  const Json* value = json.Find(key);
  return value != nullptr && value->boolean().value_or(false);
}
template <typename Enum>
Enum Choice(const Json& json, std::string_view key) {
  return static_cast<Enum>(Number(json, key).value_or(0));
}
template <typename Enum>
std::int64_t Plain(Enum value) {
  return static_cast<std::int64_t>(value);
}
std::size_t Size(const Json& json, std::string_view key) {
  return static_cast<std::size_t>(Number(json, key).value_or(0));
}
std::optional<Millis> Timeout(const Json& json, std::string_view key) {
  const auto number = Number(json, key);
  return number ? std::optional(Millis(*number)) : std::nullopt;
}

}  // namespace

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
std::string PermitKey(std::string_view reload_id, std::uint32_t number) {
  return fmt::format("cluster/permits/{}/{}", Segment(reload_id), number);
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
  request.scope = Scope::kGlobal;
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

std::string EncodeMember(const MemberReport& report) {
  return ToJson(Json::Object{{"node", report.node},
                             {"member", report.member},
                             {"state", Plain(report.state)},
                             {"by_start", report.by_start},
                             {"finished_at_ms", report.finished_at_ms},
                             {"reloaded", report.reloaded},
                             {"failed", report.failed},
                             {"skipped", report.skipped},
                             {"error", report.error.substr(0, kLongestError)}});
}

std::optional<MemberReport> DecodeMember(std::string_view text) {
  const auto json = ParseJson(text);
  if (!json.ok()) return std::nullopt;
  MemberReport report;
  report.node = Text(*json, "node");
  report.member = Text(*json, "member");
  report.state = Choice<NodeState>(*json, "state");
  report.by_start = Flag(*json, "by_start");
  report.finished_at_ms = Number(*json, "finished_at_ms").value_or(0);
  report.reloaded = Size(*json, "reloaded");
  report.failed = Size(*json, "failed");
  report.skipped = Size(*json, "skipped");
  report.error = Text(*json, "error");
  return report;
}

}  // namespace plugreload::internal
