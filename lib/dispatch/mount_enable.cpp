// Enabling a plugin at a path: from the fields of the request to a mount.
#include <fmt/format.h>

#include <utility>

#include "dispatch/mounts.hpp"
#include "dispatch/plugins.hpp"
#include "dispatch/text.hpp"

namespace plugreload::internal {
namespace {

constexpr FieldSpec kFields[] = {{"type", FieldKind::kString},
                                 {"description", FieldKind::kString},
                                 {"config", FieldKind::kMap},
                                 {"options", FieldKind::kPairs},
                                 {"plugin_name", FieldKind::kString},
                                 {"plugin_version", FieldKind::kString},
                                 {"override_pinned_version", FieldKind::kString},
                                 {"local", FieldKind::kBool},
                                 {"seal_wrap", FieldKind::kBool},
                                 {"external_entropy_access", FieldKind::kBool},
                                 {"start", FieldKind::kString}};

// The type in the form of old clients, who name the plugin beside it.
constexpr std::string_view kOldType = "plugin";

Status Wrong(std::string_view message) {
  return Status(Code::kInvalidArgument, "invalid_mount", message);
}

// A text that a client may give at top level or in `config`.
Result<std::string> EitherText(const Fields& fields, std::string_view name) {
  std::string outer = fields.String(name), inner;
  const Json* config = fields.Map("config");
  const Json* value = config != nullptr ? config->Find(name) : nullptr;
  if (value != nullptr && !value->is_null()) {
    const auto text = ConvertField(FieldKind::kString, *value);
    if (!text.ok()) return text.status().WithContext(fmt::format("config.{}", name));
    inner = *text->string();
  }
  if (!outer.empty() && !inner.empty() && outer != inner) {
    return Wrong(fmt::format("{0} is {1} and config.{0} is {2}: give one of them", name,
                             Quote(outer), Quote(inner)));
  }
  return outer.empty() ? inner : outer;
}

bool HasPlugin(const PluginRegistry& registry, PluginType type, std::string_view name) {
  if (registry.Resolve(type, name, {}).ok() || registry.FindPin(type, name)) return true;
  for (const PluginSpec& spec : registry.List(type)) {
    if (spec.ref.name == name) return true;
  }
  return false;
}

// In the table of secret engines the name decides: a secret plugin, else a database plugin.
PluginType TypeFor(const ApiCall& call, Table table, std::string_view plugin) {
  if (table == Table::kAuth) return PluginType::kAuth;
  const PluginRegistry& registry = call.backend.registry;
  if (!HasPlugin(registry, PluginType::kSecret, plugin) &&
      HasPlugin(registry, PluginType::kDatabase, plugin)) {
    return PluginType::kDatabase;
  }
  return PluginType::kSecret;
}

}  // namespace

std::string TablePath(Table table, std::string_view url_path) {
  std::string path = (table == Table::kAuth ? "auth/" : "") + std::string(url_path);
  if (!path.ends_with('/')) path += '/';
  return path;
}

std::string NamedPlugin(const Json& body) {
  std::string type = TextOf(body, "type");
  if (!type.empty() && type != kOldType) return type;
  std::string name = TextOf(body, "plugin_name");
  const Json* config = body.Find("config");
  if (name.empty() && config != nullptr) name = TextOf(*config, "plugin_name");
  return name.empty() ? type : name;
}

std::span<const FieldSpec> EnableFields() { return kFields; }

Result<MountEntry> ParseEnable(const ApiCall& call, Table table) {
  const Fields& fields = call.fields;
  MountEntry entry;
  entry.ns = call.ns;
  entry.path = TablePath(table, call.captures.at("path"));
  if (table == Table::kSecret && std::string_view(entry.path).starts_with("auth/")) {
    return Wrong(
        fmt::format("cannot mount {}: enable an auth method with sys/auth", Quote(entry.path)));
  }
  entry.plugin = fields.String("type");
  if (entry.plugin == kOldType || (entry.plugin.empty() && fields.Has("plugin_name"))) {
    auto name = EitherText(fields, "plugin_name");
    if (!name.ok()) return name.status();
    if (!name->empty()) entry.plugin = *std::move(name);
  }
  if (entry.plugin.empty()) return Wrong("backend type must be specified as a string");
  auto version = EitherText(fields, "plugin_version");
  if (!version.ok()) return version.status();
  if (!version->empty()) {
    version = PluginVersion(*version);
    if (!version.ok()) return version.status();
  }
  entry.version = *std::move(version);
  auto override_pin = EitherText(fields, "override_pinned_version");
  if (!override_pin.ok()) return override_pin.status();
  const auto flag = ConvertField(FieldKind::kBool, Json(*override_pin));
  if (!flag.ok()) return flag.status().WithContext("override_pinned_version");
  entry.override_pinned_version = *flag->boolean();
  entry.type = TypeFor(call, table, entry.plugin);
  entry.description = fields.String("description");
  entry.options = fields.Pairs("options");
  const std::string start = fields.String("start");
  if (!start.empty() && start != "lazy" && start != "eager") {
    return Wrong(fmt::format("start {} is not one of eager, lazy", Quote(start)));
  }
  entry.start = start == "lazy" ? StartMode::kLazy : StartMode::kEager;
  return entry;
}

Reply EnableFailure(const ApiCall& call, const MountEntry& entry, const Status& status) {
  if (status.reason() == "plugin_not_found") {
    return Refuse(400, fmt::format("plugin not found in the catalog: {}{}", entry.plugin,
                                   entry.version.empty() ? "" : ", version=" + entry.version));
  }
  if (status.reason() == "pinned_version") {
    const auto pin = call.backend.registry.FindPin(entry.type, entry.plugin);
    return Refuse(400, fmt::format("cannot specify plugin_version for {} plugin {}, as it is "
                                   "pinned to version {}",
                                   PluginTypeName(entry.type), Quote(entry.plugin),
                                   pin ? pin->version : "another"));
  }
  if (status.reason() == "path_in_use") {
    return Refuse(400,
                  fmt::format("path is already in use at {}: {}", entry.path, status.message()));
  }
  Reply reply = FromStatus(status);
  const bool ours = status.code() == Code::kFailedPrecondition && reply.status == 503;
  if (ours || status.code() == Code::kUnknown || status.code() == Code::kResourceExhausted) {
    return reply;
  }
  // As in Vault, whatever keeps a plugin from starting is the request's fault.
  return Refuse(400, std::string(status.message()));
}

}  // namespace plugreload::internal
