// Registrations: from the fields of a request to an entry of the catalog, and back.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "dispatch/plugins.hpp"
#include "dispatch/text.hpp"
#include "registry/semver.hpp"

namespace plugreload::internal {
namespace {

constexpr FieldSpec kFields[] = {
    {"sha256", FieldKind::kString},    {"sha_256", FieldKind::kString},
    {"command", FieldKind::kString},   {"args", FieldKind::kStrings},
    {"env", FieldKind::kStrings},      {"version", FieldKind::kString},
    {"oci_image", FieldKind::kString}, {"runtime", FieldKind::kString},
    {"download", FieldKind::kBool},    {"launcher", FieldKind::kString},
    {"sharing", FieldKind::kString},   {"order", FieldKind::kString},
    {"image", FieldKind::kString},     {"protocols", FieldKind::kList},
    {"timeouts", FieldKind::kMap},     {"handshake", FieldKind::kMap},
    {"force", FieldKind::kBool}};  // of a removal, which shares the path

constexpr std::array<std::pair<std::string_view, Millis PluginTimeouts::*>, 6> kTimeouts = {
    {{"start", &PluginTimeouts::start},
     {"attach", &PluginTimeouts::attach},
     {"drain", &PluginTimeouts::drain},
     {"graceful", &PluginTimeouts::graceful},
     {"terminate", &PluginTimeouts::terminate},
     {"kill", &PluginTimeouts::kill}}};

Status Wrong(std::string_view message) {
  return Status(Code::kInvalidArgument, "invalid_registration", message);
}

template <typename Value, typename Parse>
Status ParseChoice(const Fields& fields, std::string_view name, std::string_view choices,
                   Parse parse, Value& value) {
  const std::string text = fields.String(name);
  if (text.empty()) return {};
  const auto parsed = parse(text);
  if (!parsed) return Wrong(fmt::format("{} {} is not one of {}", name, Quote(text), choices));
  value = *parsed;
  return {};
}

Status ParseTimeouts(const Json& map, PluginTimeouts& timeouts) {
  for (const Json::Member& member : *map.object()) {
    const auto known = std::find_if(kTimeouts.begin(), kTimeouts.end(),
                                    [&](const auto& entry) { return entry.first == member.key; });
    if (known == kTimeouts.end()) {
      return Wrong(
          fmt::format("timeouts has no {}; it has start, attach, drain, graceful, "
                      "terminate and kill",
                      Quote(member.key)));
    }
    if (member.value.is_null()) continue;
    const auto duration = ConvertField(FieldKind::kDuration, member.value);
    if (!duration.ok()) return duration.status().WithContext("timeouts." + member.key);
    timeouts.*(known->second) = Millis(*duration->integer());
  }
  return {};
}

Status ParseHandshake(const Json& map, Handshake& handshake) {
  for (const Json::Member& member : *map.object()) {
    const std::string field = "handshake." + member.key;
    if (member.key == "cookie_key" || member.key == "cookie_value") {
      const std::string* text = member.value.string();
      if (text == nullptr) return Wrong(field + " is not a string");
      (member.key == "cookie_key" ? handshake.cookie_key : handshake.cookie_value) = *text;
    } else if (member.key == "protocol_versions") {
      if (member.value.array() == nullptr) return Wrong(field + " is not an array of numbers");
      for (const Json& version : *member.value.array()) {
        const auto number = version.integer();
        if (!number || *number < 0 || *number > 1'000'000) {
          return Wrong(field + " is not an array of version numbers");
        }
        handshake.protocol_versions.push_back(static_cast<int>(*number));
      }
    } else {
      return Wrong(
          fmt::format("handshake has no {}; it has cookie_key, cookie_value and "
                      "protocol_versions",
                      Quote(member.key)));
    }
  }
  if (handshake.cookie_key.empty() || handshake.protocol_versions.empty()) {
    return Wrong("handshake needs cookie_key, cookie_value and protocol_versions");
  }
  return {};
}

// Vault splits a command at spaces.
Status ParseCommand(const Fields& fields, PluginSpec& spec) {
  std::string command = fields.String("command");
  spec.args = fields.List("args");
  const std::size_t space = command.find(' ');
  if (space != std::string::npos) {
    if (!spec.args.empty()) return Wrong("must not specify args in command and args field");
    std::string_view rest = std::string_view(command).substr(space + 1);
    for (;;) {
      const std::size_t next = rest.find(' ');
      spec.args.emplace_back(rest.substr(0, next));
      if (next == std::string_view::npos) break;
      rest.remove_prefix(next + 1);
    }
    command.resize(space);
  }
  spec.command = std::move(command);
  return {};
}

Status ParseLauncher(const ApiCall& call, PluginSpec& spec) {
  if (call.fields.Has("launcher")) spec.launcher = call.fields.String("launcher");
  const auto& allowed = call.backend.options.dispatch_launchers;
  if (std::find(allowed.begin(), allowed.end(), spec.launcher) != allowed.end()) return {};
  return Wrong(fmt::format("launcher {} may not be named by a request; it may name: {}",
                           Quote(spec.launcher), allowed.empty() ? "none" : Join(allowed, ", ")));
}

// What Vault wants of a plugin that is a file.
Status CheckFile(const ApiCall& call, const PluginSpec& spec) {
  if (spec.sha256.empty() && spec.ref.version.empty() && !call.backend.options.allow_unhashed) {
    return Wrong(
        "must provide at least one of sha256 or version: use sha256 for binary "
        "registration (version optional) or version only for artifact registration");
  }
  if (call.fields.String("command").empty() && call.fields.String("oci_image").empty()) {
    return Wrong("must provide at least one of command or oci_image");
  }
  return {};
}

Status CheckDigest(const PluginSpec& spec) {
  const std::size_t bad = spec.sha256.find_first_not_of("0123456789abcdefABCDEF");
  if (bad == std::string::npos) return {};
  return Wrong(fmt::format("Could not decode SHA256 value from Hex {}: invalid byte {}",
                           spec.sha256, Quote(spec.sha256.substr(bad, 1))));
}

// What Vault has and we have not.
Status CheckAbsent(const Fields& fields) {
  for (const std::string_view name : {"oci_image", "runtime"}) {
    if (!fields.String(name).empty()) return Wrong(fmt::format("{} is not supported", name));
  }
  return {};
}

Status ParseChoices(const Fields& fields, PluginSpec& spec) {
  Status status =
      ParseChoice(fields, "sharing", "mount, namespace, global", ParseSharing, spec.sharing);
  if (!status.ok()) return status;
  status = ParseChoice(fields, "order", "start_first, stop_first", ParseOrder, spec.order);
  if (!status.ok()) return status;
  status = ParseChoice(fields, "image", "sealed, in_place", ParseImage, spec.image);
  if (!status.ok()) return status;
  if (const Json* map = fields.Map("timeouts")) {
    status = ParseTimeouts(*map, spec.timeouts);
    if (!status.ok()) return status;
  }
  if (const Json* map = fields.Map("handshake")) {
    status = ParseHandshake(*map, spec.handshake.emplace());
  }
  return status;
}

Json HandshakeData(const Handshake& handshake) {
  Json::Array versions;
  for (const int version : handshake.protocol_versions) versions.push_back(version);
  return Json::Object{{"cookie_key", handshake.cookie_key},
                      {"protocol_versions", std::move(versions)}};
}

}  // namespace

PluginRef CapturedPlugin(const ApiCall& call) {
  PluginRef ref;
  const auto type = call.captures.find("type");
  if (type != call.captures.end()) {
    ref.type = ParsePluginType(type->second).value_or(PluginType::kUnknown);
  } else {
    ref.type = PluginType::kUnknown;
  }
  ref.name = call.captures.at("name");
  return ref;
}

Result<std::string> PluginVersion(std::string_view text) { return CanonicalVersion(text); }

bool IsBuiltinVersion(std::string_view version) {
  const auto parsed = Semver::Parse(version);
  return parsed.ok() && parsed->HasMetadata("builtin");
}

std::span<const FieldSpec> RegistrationFields() { return kFields; }

Result<PluginSpec> ParseRegistration(const ApiCall& call) {
  const Fields& fields = call.fields;
  PluginSpec spec;
  spec.ref = CapturedPlugin(call);
  if (const std::string version = fields.String("version"); !version.empty()) {
    auto canonical = PluginVersion(version);
    if (!canonical.ok()) return canonical.status();
    spec.ref.version = *std::move(canonical);
  }
  if (IsBuiltinVersion(spec.ref.version)) {
    return Wrong(
        fmt::format("version {} is not allowed because 'builtin' is a reserved metadata identifier",
                    Quote(spec.ref.version)));
  }
  if (fields.Bool("download")) return Wrong("download is an enterprise only feature");
  spec.sha256 = fields.String(fields.Has("sha256") ? "sha256" : "sha_256");
  spec.env = fields.List("env");
  if (fields.Has("protocols")) spec.protocols = fields.List("protocols");
  Status status = ParseLauncher(call, spec);
  const bool file = spec.launcher == "process";
  if (status.ok() && file) status = CheckFile(call, spec);
  if (status.ok()) status = CheckAbsent(fields);
  if (status.ok()) status = ParseCommand(fields, spec);
  if (status.ok() && file) status = CheckDigest(spec);
  if (status.ok()) status = ParseChoices(fields, spec);
  if (!status.ok()) return status;
  return spec;
}

Json PluginData(const PluginSpec& spec) {
  Json timeouts;
  for (const auto& [name, member] : kTimeouts) {
    timeouts.Set(name, DurationText(spec.timeouts.*member));
  }
  return Json::Object{{"name", spec.ref.name},
                      {"type", PluginTypeName(spec.ref.type)},
                      {"version", spec.ref.version},
                      {"builtin", false},
                      {"command", spec.command},
                      {"args", spec.args},
                      {"sha256", spec.sha256},
                      {"launcher", spec.launcher},
                      {"sharing", SharingName(spec.sharing)},
                      {"order", OrderName(spec.order)},
                      {"image", ImageName(spec.image)},
                      {"protocols", spec.protocols},
                      {"handshake", spec.handshake ? HandshakeData(*spec.handshake) : Json()},
                      {"timeouts", std::move(timeouts)}};
}

}  // namespace plugreload::internal
