// What members tell: the result of their part of a reload, and what they run.
#include "cluster/documents.hpp"
#include "cluster/fields.hpp"

namespace plugreload::internal {
namespace {

constexpr std::size_t kLongestError = 1024, kLongestMountError = 256;

Json MountToJson(const MemberMount& mount) {
  return Json::Object{{"ns", mount.ns},
                      {"path", mount.path},
                      {"outcome", Plain(mount.outcome)},
                      {"previous", mount.previous_version},
                      {"running", mount.running_version},
                      {"error", mount.error.substr(0, kLongestMountError)}};
}

}  // namespace

std::string EncodeMember(const MemberReport& report) {
  Json json(Json::Object{{"node", report.node},
                         {"member", report.member},
                         {"state", Plain(report.state)},
                         {"by_start", report.by_start},
                         {"finished_at_ms", report.finished_at_ms},
                         {"reloaded", report.reloaded},
                         {"failed", report.failed},
                         {"skipped", report.skipped},
                         {"error", report.error.substr(0, kLongestError)}});
  Json mounts{Json::Array{}}, previous{Json::Array{}};
  for (const MemberMount& mount : report.mounts) mounts.Add(MountToJson(mount));
  for (const PluginRef& ref : report.previous) previous.Add(PluginToJson(ref));
  json.Set("mounts", std::move(mounts));
  json.Set("previous", std::move(previous));
  return ToJson(json);
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
  ForEach(*json, "mounts", [&](const Json& item) {
    report.mounts.push_back({Text(item, "ns"), Text(item, "path"),
                             Choice<MountOutcome>(item, "outcome"), Text(item, "previous"),
                             Text(item, "running"), Text(item, "error")});
  });
  ForEach(*json, "previous",
          [&](const Json& item) { report.previous.push_back(PluginFromJson(item)); });
  return report;
}

std::string RunningKey(std::string_view member) {
  return std::string(kRunningPrefix) + std::string(member);
}

std::string EncodeRunning(const MemberState& state) {
  Json plugins{Json::Array{}}, stale{Json::Array{}};
  for (const auto& plugin : state.plugins) {
    plugins.Add(PluginToJson(plugin.ref).Set("mounts", plugin.mounts));
  }
  for (const auto& mount : state.stale) {
    stale.Add(Json::Object{{"ns", mount.ns},
                           {"path", mount.path},
                           {"running", PluginToJson(mount.running)},
                           {"wanted", mount.wanted_version}});
  }
  return ToJson(Json::Object{{"node", state.node},
                             {"member", state.member},
                             {"told_at_ms", state.told_at_ms},
                             {"plugins", std::move(plugins)},
                             {"reload_needed", state.reload_needed},
                             {"stale", std::move(stale)}});
}

std::optional<MemberState> DecodeRunning(std::string_view text) {
  const auto json = ParseJson(text);
  if (!json.ok()) return std::nullopt;
  MemberState state;
  state.node = Text(*json, "node");
  state.member = Text(*json, "member");
  state.told_at_ms = Number(*json, "told_at_ms").value_or(0);
  ForEach(*json, "plugins", [&](const Json& item) {
    state.plugins.push_back({PluginFromJson(item), Size(item, "mounts")});
  });
  state.reload_needed = Size(*json, "reload_needed");
  ForEach(*json, "stale", [&](const Json& item) {
    const Json* running = item.Find("running");
    state.stale.push_back({Text(item, "ns"), Text(item, "path"),
                           running == nullptr ? PluginRef{} : PluginFromJson(*running),
                           Text(item, "wanted")});
  });
  return state;
}

}  // namespace plugreload::internal
