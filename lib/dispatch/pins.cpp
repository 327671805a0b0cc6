// sys/plugins/pins: which version of a plugin runs at the next start or reload.
#include <fmt/format.h>

#include <utility>

#include "dispatch/plugins.hpp"
#include "dispatch/route.hpp"
#include "dispatch/text.hpp"

namespace plugreload::internal {
namespace {

constexpr FieldSpec kPinFields[] = {{"version", FieldKind::kString}};

Json PinData(const Pin& pin) {
  return Json::Object{
      {"name", pin.name}, {"type", PluginTypeName(pin.type)}, {"version", pin.version}};
}

Reply SetPin(const ApiCall& call) {
  PluginRef ref = CapturedPlugin(call);
  if (call.fields.String("version").empty()) return Refuse(400, "missing plugin version");
  auto version = PluginVersion(call.fields.String("version"));
  if (!version.ok()) return Refuse(400, std::string(version.status().message()));
  ref.version = *std::move(version);
  if (IsBuiltinVersion(ref.version)) {
    return Refuse(400, "cannot pin a builtin plugin: " + Quote(ref.version));
  }
  const Status status = call.backend.registry.SetPin(ref, call.deadline);
  if (status.code() == Code::kNotFound) {
    return Refuse(400, fmt::format("plugin not found in the catalog; {} plugin {} version {} does "
                                   "not exist",
                                   PluginTypeName(ref.type), Quote(ref.name), ref.version));
  }
  // An answer with nothing in it, not 204.
  return status.ok() ? Data(Json()) : FromStatus(status);
}

Reply ReadPin(const ApiCall& call) {
  const PluginRef ref = CapturedPlugin(call);
  const auto pin = call.backend.registry.FindPin(ref.type, ref.name);
  if (!pin) return Fail(404, {"no pinned version for this plugin"});
  return Data(PinData(*pin));
}

Reply DeletePin(const ApiCall& call) {
  const PluginRef ref = CapturedPlugin(call);
  const Status status = call.backend.registry.Unpin(ref.type, ref.name, call.deadline);
  return status.ok() ? Data(Json()) : FromStatus(status);
}

Reply ReadPins(const ApiCall& call) {
  Json::Array pins;
  for (const Pin& pin : call.backend.registry.Pins()) pins.push_back(PinData(pin));
  return Data(Json::Object{{"pinned_versions", std::move(pins)}});
}

}  // namespace

std::vector<Route> PinRoutes() {
  return {{.pattern = "sys/plugins/pins/?",
           .where = Where::kRootNamespace,
           .fields = {},
           .read = ReadPins,
           .summary = "All pins."},
          {.pattern = "sys/plugins/pins/{type}/{name}",
           .where = Where::kRootNamespace,
           .fields = kPinFields,
           .read = ReadPin,
           .update = SetPin,
           .remove = DeletePin,
           .summary = "The version that runs at the next start or reload."}};
}

}  // namespace plugreload::internal
