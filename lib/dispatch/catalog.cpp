// sys/plugins/catalog: registered plugins and how they are run.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include "dispatch/page.hpp"
#include "dispatch/plugins.hpp"
#include "dispatch/route.hpp"
#include "dispatch/text.hpp"

namespace plugreload::internal {
namespace {

constexpr std::size_t kMaxNamedMounts = 10;

// The version that the query names; "" without one.
Result<std::string> QueriedVersion(const ApiCall& call) {
  const std::string version = call.fields.String("version");
  return version.empty() ? Result<std::string>(std::string()) : PluginVersion(version);
}

Reply Register(const ApiCall& call) {
  auto spec = ParseRegistration(call);
  if (!spec.ok()) return FromStatus(spec.status());
  std::vector<std::string> warnings;
  Status status = LearnFromPlugin(call, *spec, warnings);
  if (status.ok()) status = call.backend.registry.Register(*std::move(spec), call.deadline);
  if (status.ok()) return Done(std::move(warnings));
  // Vault takes a command that it may not run for an error of its own.
  static constexpr std::array<std::string_view, 3> kOfTheFile = {
      "invalid_command", "command_outside", "no_plugin_directory"};
  const bool inside =
      std::find(kOfTheFile.begin(), kOfTheFile.end(), status.reason()) != kOfTheFile.end();
  return inside ? Fail(500, {std::string(status.message())}) : FromStatus(status);
}

Reply Read(const ApiCall& call) {
  PluginRef ref = CapturedPlugin(call);
  auto version = QueriedVersion(call);
  if (!version.ok()) return Refuse(400, std::string(version.status().message()));
  ref.version = *std::move(version);
  const auto spec = call.backend.registry.Find(ref);
  return spec ? Data(PluginData(*spec)) : NotThere();
}

std::string InUseText(const PluginRef& ref, const std::vector<MountEntry>& mounts) {
  std::vector<std::string> paths;
  for (const MountEntry& mount : mounts) {
    if (paths.size() == kMaxNamedMounts) {
      paths.push_back("...");
      break;
    }
    paths.push_back(mount.ns + mount.path);
  }
  return fmt::format("{} plugin {}{} is used by {} mount{} ({})", PluginTypeName(ref.type),
                     Quote(ref.name), ref.version.empty() ? "" : " version " + ref.version,
                     mounts.size(), mounts.size() == 1 ? "" : "s", Join(paths, ", "));
}

Reply Deregister(const ApiCall& call) {
  PluginRef ref = CapturedPlugin(call);
  auto version = QueriedVersion(call);
  if (!version.ok()) return Refuse(400, std::string(version.status().message()));
  ref.version = *std::move(version);
  if (IsBuiltinVersion(ref.version)) {
    return Refuse(400, fmt::format("version {} cannot be deleted", Quote(ref.version)));
  }
  const auto mounts = call.backend.reloads.InUse(ref);
  if (!mounts.empty() && call.backend.options.refuse_deregister_in_use &&
      !call.fields.Bool("force")) {
    return Refuse(400, InUseText(ref, mounts) +
                           ": move them to another version first, or delete with force=true");
  }
  const Status status = call.backend.registry.Deregister(ref, call.deadline);
  // Idempotent, as in Vault: whether it was there is not told.
  if (status.code() == Code::kNotFound) return Done();
  if (status.reason() == "pinned_version") return Fail(500, {"cannot delete a pinned version"});
  if (!status.ok()) return FromStatus(status);
  if (mounts.empty()) return Done();
  return Done({InUseText(ref, mounts) +
               ": what runs goes on, but the next reload or restart of a mount that still "
               "resolves to this version fails"});
}

std::vector<std::string> Names(const std::vector<PluginSpec>& specs) {
  std::vector<std::string> names;
  names.reserve(specs.size());
  for (const PluginSpec& spec : specs) names.push_back(spec.ref.name);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

Reply ListType(const ApiCall& call) {
  const auto type = ParsePluginType(call.captures.at("type"));
  const Result<Page> page = PageOf(call);
  if (!page.ok()) return FromStatus(page.status());
  auto names = Names(call.backend.registry.List(*type));
  std::erase_if(names, [&](const std::string& name) { return name <= page->after; });
  if (names.size() > page->limit) names.resize(page->limit);
  return names.empty() ? NotThere() : Data(Json::Object{{"keys", names}});
}

Reply ReadAll(const ApiCall& call) {
  Json data{Json::Object{}};
  Json::Array detailed;
  for (const auto type : {PluginType::kAuth, PluginType::kDatabase, PluginType::kSecret}) {
    const auto specs = call.backend.registry.List(type);
    const auto names = Names(specs);
    if (!names.empty()) data.Set(PluginTypeName(type), names);
    for (const PluginSpec& spec : specs) {
      Json::Object entry{{"type", PluginTypeName(type)},
                         {"name", spec.ref.name},
                         {"version", spec.ref.version},
                         {"builtin", false}};
      if (!spec.sha256.empty()) entry.push_back({"sha256", spec.sha256});
      detailed.push_back(std::move(entry));
    }
  }
  data.Set("detailed", std::move(detailed));
  return Data(std::move(data));
}

// Paths of the time before plugins had types. Vault answers them so, too.
Reply ReadUntyped(const ApiCall& call) {
  Reply reply = Data(Json());
  reply.warnings = {
      fmt::format("Deprecated API endpoint, cannot read plugin information from catalog for {}",
                  Quote(call.captures.at("name")))};
  return reply;
}

Reply DeleteUntyped(const ApiCall& call) {
  return Done({fmt::format("Deprecated API endpoint, cannot deregister plugin from catalog for {}",
                           Quote(call.captures.at("name")))});
}

}  // namespace

std::vector<Route> CatalogRoutes() {
  return {{.pattern = "sys/plugins/catalog/?",
           .where = Where::kRootNamespace,
           .fields = {},
           .read = ReadAll,
           .summary = "Every version of every plugin."},
          {.pattern = "sys/plugins/catalog/{type}/?",
           .where = Where::kRootNamespace,
           .fields = kPageFields,
           .list = ListType,
           .summary = "The names of the plugins of a type."},
          {.pattern = "sys/plugins/catalog/{type}/{name*}",
           .where = Where::kRootNamespace,
           .fields = RegistrationFields(),
           .read = Read,
           .update = Register,
           .remove = Deregister,
           .summary = "Registers, reads or removes one version of a plugin."},
          {.pattern = "sys/plugins/catalog/{name*}",
           .where = Where::kRootNamespace,
           .fields = RegistrationFields(),
           .read = ReadUntyped,
           .update = Register,
           .remove = DeleteUntyped,
           .summary = "Registers a plugin under the type it has itself."}};
}

}  // namespace plugreload::internal
