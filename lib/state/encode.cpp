#include "json/json.hpp"
#include "state/documents.hpp"

namespace plugreload::internal {
namespace {

Json Of(const Handshake& handshake) {
  Json::Array versions(handshake.protocol_versions.begin(), handshake.protocol_versions.end());
  return Json::Object{{"cookie_key", handshake.cookie_key},
                      {"cookie_value", handshake.cookie_value},
                      {"protocol_versions", std::move(versions)}};
}

Json Of(const PluginTimeouts& timeouts) {
  return Json::Object{
      {"start_ms", timeouts.start.count()},         {"attach_ms", timeouts.attach.count()},
      {"drain_ms", timeouts.drain.count()},         {"graceful_ms", timeouts.graceful.count()},
      {"terminate_ms", timeouts.terminate.count()}, {"kill_ms", timeouts.kill.count()}};
}

}  // namespace

std::string EncodePlugin(const PluginSpec& spec) {
  Json document(Json::Object{{"type", PluginTypeName(spec.ref.type)},
                             {"name", spec.ref.name},
                             {"version", spec.ref.version},
                             {"launcher", spec.launcher},
                             {"command", spec.command},
                             {"args", spec.args},
                             {"env", spec.env},
                             {"sha256", spec.sha256},
                             {"image", ImageName(spec.image)},
                             {"sharing", SharingName(spec.sharing)},
                             {"order", OrderName(spec.order)},
                             {"protocols", spec.protocols},
                             {"timeouts", Of(spec.timeouts)}});
  if (spec.handshake) document.Set("handshake", Of(*spec.handshake));
  return ToJson(document);
}

std::string EncodePin(const Pin& pin) {
  return ToJson(Json::Object{
      {"type", PluginTypeName(pin.type)}, {"name", pin.name}, {"version", pin.version}});
}

std::string EncodeNamespace(const NamespaceInfo& info) {
  return ToJson(Json::Object{
      {"path", info.path}, {"id", info.id}, {"custom_metadata", info.custom_metadata}});
}

std::string EncodeMount(const MountEntry& entry) {
  return ToJson(Json::Object{{"namespace", entry.ns},
                             {"path", entry.path},
                             {"accessor", entry.accessor},
                             {"type", PluginTypeName(entry.type)},
                             {"plugin", entry.plugin},
                             {"version", entry.version},
                             {"description", entry.description},
                             {"options", entry.options},
                             {"start", entry.start == StartMode::kLazy ? "lazy" : "eager"},
                             {"override_pinned_version", entry.override_pinned_version}});
}

}  // namespace plugreload::internal
