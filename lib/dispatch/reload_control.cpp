#include "dispatch/reload_control.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "dispatch/text.hpp"

namespace plugreload::internal {
namespace {

constexpr FieldSpec kFields[] = {{"reload_id", FieldKind::kString}};

// A namespace may cancel what is of itself and below alone; of the rest it does not learn.
bool Covers(std::string_view ns, const ReloadReport& report) {
  if (ns.empty()) return true;
  return !report.mounts.empty() &&
         std::all_of(report.mounts.begin(), report.mounts.end(), [&](const MountReport& mount) {
           return std::string_view(mount.mount.ns).starts_with(ns);
         });
}

Reply Cancel(const ApiCall& call) {
  const std::string reload_id = call.fields.String("reload_id");
  if (reload_id.empty()) return Refuse(400, "reload_id must be provided");
  const auto report = call.backend.reloads.Find(reload_id);
  if (!report.ok() && report.status().code() != Code::kNotFound) return FromStatus(report.status());
  if (!report.ok() || !Covers(call.ns, *report)) {
    return Refuse(404, "no reload with this id is known");
  }
  const Status status = call.backend.reloads.Cancel(reload_id);
  return status.ok() ? Data(Json::Object{{"reload_id", reload_id}}) : FromStatus(status);
}

// The new reload goes on by itself: its status tells.
Reply Rollback(const ApiCall& call) {
  const std::string reload_id = call.fields.String("reload_id");
  if (reload_id.empty()) return Refuse(400, "reload_id must be provided");
  const auto started = call.backend.reloads.Rollback(reload_id, call.request_id);
  if (!started.ok()) return FromStatus(started.status());
  Reply reply = Data(Json::Object{{"reload_id", *started}, {"rolls_back", reload_id}});
  reply.status = 202;
  return reply;
}

Json PluginData(const PluginRef& ref) {
  return Json::Object{
      {"type", PluginTypeName(ref.type)}, {"name", ref.name}, {"version", ref.version}};
}

Json StateData(const MemberState& state) {
  Json plugins{Json::Array{}}, stale{Json::Array{}};
  for (const auto& plugin : state.plugins) {
    plugins.Add(PluginData(plugin.ref).Set("mounts", plugin.mounts));
  }
  for (const auto& mount : state.stale) {
    stale.Add(Json::Object{{"namespace", mount.ns},
                           {"path", mount.path},
                           {"plugin", mount.running.name},
                           {"type", PluginTypeName(mount.running.type)},
                           {"running_version", mount.running.version},
                           {"wanted_version", mount.wanted_version}});
  }
  return Json::Object{
      {"node", state.node},
      {"member", state.member},
      {"told_at", state.told_at_ms == 0 ? Json() : Json(TimeText(state.told_at_ms))},
      {"plugins", std::move(plugins)},
      {"reload_needed_total", state.reload_needed},
      {"reload_needed", std::move(stale)}};
}

Reply ReadRunning(const ApiCall& call) {
  const auto states = call.backend.reloads.Running(call.deadline);
  if (!states.ok()) return FromStatus(states.status());
  Json members{Json::Array{}};
  for (const MemberState& state : *states) members.Add(StateData(state));
  return Data(Json::Object{{"members", std::move(members)}});
}

}  // namespace

Route CancelRoute() {
  return {
      .pattern = "sys/plugins/reload/backend/cancel",
      .fields = kFields,
      .update = Cancel,
      .summary = "Stops a reload that has not swapped anything, or a roll before its next node."};
}

// Pins are the root namespace's.
Route RollbackRoute() {
  return {.pattern = "sys/plugins/reload/backend/rollback",
          .where = Where::kRootNamespace,
          .fields = kFields,
          .update = Rollback,
          .summary = "Pins what ran before a reload, and reloads its target again."};
}

Route RunningRoute() {
  return {.pattern = "sys/plugins/running",
          .where = Where::kRootNamespace,
          .fields = {},
          .read = ReadRunning,
          .summary = "What every node runs, and which mounts need a reload."};
}

}  // namespace plugreload::internal
