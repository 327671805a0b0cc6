// sys/mounts/:path/tune and sys/auth/:path/tune: what is stored on a mount.
#include <fmt/format.h>

#include <utility>

#include "dispatch/mounts.hpp"
#include "dispatch/plugins.hpp"
#include "dispatch/text.hpp"

namespace plugreload::internal {
namespace {

constexpr FieldSpec kFields[] = {{"description", FieldKind::kString},
                                 {"options", FieldKind::kPairs},
                                 {"plugin_version", FieldKind::kString},
                                 {"override_pinned_version", FieldKind::kBool}};

Reply TuneFailure(const ApiCall& call, const MountEntry& mount, const MountTune& tune,
                  const Status& status) {
  if (status.reason() == "pinned_version") {
    const auto pin = call.backend.registry.FindPin(mount.type, mount.plugin);
    return Refuse(
        400, fmt::format("plugin_version cannot be set for {} plugin {} as a pinned "
                         "version {} is in effect.",
                         PluginTypeName(mount.type), Quote(mount.plugin), pin ? pin->version : ""));
  }
  if (status.reason() == "plugin_not_found") {
    return Refuse(400, fmt::format("plugin not found in the catalog: {}, version={}", mount.plugin,
                                   tune.version.value_or("")));
  }
  return FromStatus(status);
}

}  // namespace

std::span<const FieldSpec> TuneFields() { return kFields; }

Reply NoMount(Table table, std::string_view path) {
  if (table == Table::kSecret)
    return Refuse(400, fmt::format("No secret engine mount at {}", path));
  path.remove_prefix(std::string_view("auth/").size());
  return Refuse(400, fmt::format("No auth engine at {}", path));
}

Reply ReadTune(const ApiCall& call, Table table) {
  const std::string path = TablePath(table, call.captures.at("path"));
  const auto mount = call.backend.namespaces.FindMount(call.ns, path);
  if (!mount) return NoMount(table, path);
  Json data(Json::Object{{"description", mount->description},
                         {"default_lease_ttl", 0},
                         {"max_lease_ttl", 0},
                         {"force_no_cache", false}});
  if (!mount->options.empty()) data.Set("options", mount->options);
  if (!mount->version.empty()) data.Set("plugin_version", mount->version);
  Reply reply = Data(std::move(data));
  reply.layout = Layout::kLegacy;
  const auto pin = call.backend.registry.FindPin(mount->type, mount->plugin);
  if (mount->override_pinned_version) {
    reply.data.Set("override_pinned_version", true);
  } else if (pin && pin->version != mount->version) {
    reply.warnings.push_back(
        fmt::format("plugin_version is configured as {} but a version pin "
                    "for {} is in effect",
                    mount->version.empty() ? "none" : mount->version, pin->version));
  }
  return reply;
}

Reply WriteTune(const ApiCall& call, Table table) {
  const std::string path = TablePath(table, call.captures.at("path"));
  const auto mount = call.backend.namespaces.FindMount(call.ns, path);
  if (!mount) return NoMount(table, path);
  MountTune tune;
  if (call.fields.Has("description")) tune.description = call.fields.String("description");
  if (call.fields.Has("options")) tune.options = call.fields.Pairs("options");
  if (call.fields.Has("plugin_version")) {
    auto version = PluginVersion(call.fields.String("plugin_version"));
    if (!version.ok()) return Refuse(400, std::string(version.status().message()));
    tune.version = *std::move(version);
  }
  if (call.fields.Has("override_pinned_version")) {
    tune.override_pinned_version = call.fields.Bool("override_pinned_version");
  }
  const Status status = call.backend.reloads.TuneMount(call.ns, path, tune, call.deadline);
  return status.ok() ? Done() : TuneFailure(call, *mount, tune, status);
}

}  // namespace plugreload::internal
