#include "registry/validate.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/utf8.hpp"
#include "registry/semver.hpp"

namespace plugreload::internal {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxNameBytes = 256;
constexpr std::string_view kProcessLauncher = "process";

Status Invalid(std::string_view reason, std::string_view message) {
  return Status(Code::kInvalidArgument, reason, message);
}

bool HasNul(std::string_view text) { return text.find('\0') != std::string_view::npos; }
bool IsUnfit(std::string_view text) { return HasNul(text) || !IsUtf8(text); }

Status ValidateVersion(PluginSpec& spec) {
  if (spec.ref.version.empty()) return {};
  const auto version = Semver::Parse(spec.ref.version);
  if (!version.ok()) return version.status();
  if (version->HasMetadata("builtin")) {
    return Invalid("reserved_version",
                   fmt::format("version \"{}\" is not allowed because 'builtin' is a reserved "
                               "metadata identifier",
                               spec.ref.version));
  }
  spec.ref.version = version->ToString();
  return {};
}

Status ValidateLauncher(const CatalogOptions& options, const PluginSpec& spec) {
  if (options.launchers.contains(spec.launcher)) return {};
  return Invalid("unknown_launcher",
                 fmt::format("launcher \"{}\" of plugin \"{}\" is not bound in this runtime; it "
                             "has: {}",
                             spec.launcher, spec.ref.name, fmt::join(options.launchers, ", ")));
}

// A link to a file that is not there is not resolved: what would appear behind it is unknown.
bool HasDanglingLink(const fs::path& target) {
  fs::path part;
  for (const fs::path& segment : target) {
    part /= segment;
    std::error_code error;
    if (fs::is_symlink(fs::symlink_status(part, error))) return true;
  }
  return false;
}

// The file need not be there yet: whatever part of the path exists must stay inside.
Status ValidateInside(const CatalogOptions& options, const PluginSpec& spec) {
  std::error_code error;
  const fs::path directory = fs::weakly_canonical(options.plugin_directory, error);
  const fs::path target =
      error ? fs::path() : fs::weakly_canonical(directory / spec.command, error);
  if (error) {
    return Invalid(
        "invalid_command",
        fmt::format("command \"{}\" of plugin \"{}\" cannot be looked up in the plugin "
                    "directory {}: {}",
                    spec.command, spec.ref.name, options.plugin_directory, error.message()));
  }
  const auto [end, rest] =
      std::mismatch(directory.begin(), directory.end(), target.begin(), target.end());
  if (end == directory.end() && rest != target.end() && !HasDanglingLink(target)) return {};
  return Invalid("command_outside",
                 fmt::format("cannot execute files outside of configured plugin directory: command "
                             "\"{}\" of plugin \"{}\" leads to {}, outside of {}",
                             spec.command, spec.ref.name, target.string(), directory.string()));
}

Status ValidateCommand(const CatalogOptions& options, const PluginSpec& spec) {
  if (HasNul(spec.command)) return Invalid("invalid_command", "the command has a NUL byte");
  if (!IsUtf8(spec.command)) return Invalid("invalid_command", "the command is not UTF-8");
  if (spec.command.empty()) {
    // An object of the host has none.
    if (spec.launcher != kProcessLauncher) return {};
    return Invalid("missing_command", "missing command value");
  }
  const fs::path command(spec.command);
  if (std::find(command.begin(), command.end(), fs::path("..")) != command.end()) {
    return Invalid("invalid_command",
                   fmt::format("command \"{}\" of plugin \"{}\" must not contain \"..\"",
                               spec.command, spec.ref.name));
  }
  if (command.is_absolute()) return {};
  if (options.plugin_directory.empty()) {
    return Invalid("no_plugin_directory",
                   fmt::format("could not set plugin, plugin directory is not configured: command "
                               "\"{}\" of plugin \"{}\" must be absolute then",
                               spec.command, spec.ref.name));
  }
  return ValidateInside(options, spec);
}

Status ValidateStrings(const PluginSpec& spec) {
  if (std::any_of(spec.args.begin(), spec.args.end(), IsUnfit)) {
    return Invalid(
        "invalid_args",
        fmt::format("an argument of plugin \"{}\" has a NUL byte or is not UTF-8", spec.ref.name));
  }
  for (std::size_t i = 0; i < spec.env.size(); ++i) {
    const std::size_t equals = spec.env[i].find('=');
    if (equals != 0 && equals != std::string::npos && !IsUnfit(spec.env[i])) continue;
    // Not shown: it may be a secret.
    return Invalid("invalid_env",
                   fmt::format("env entry {} of plugin \"{}\" is not KEY=value in UTF-8", i + 1,
                               spec.ref.name));
  }
  return {};
}

// A plugin without a file (an object of the host) has nothing that could be hashed.
Status ValidateHash(const CatalogOptions& options, PluginSpec& spec) {
  std::string& hash = spec.sha256;
  if (hash.empty()) {
    const bool runs_a_file = spec.launcher == kProcessLauncher || !spec.command.empty();
    if (options.allow_unhashed || !runs_a_file) return {};
    return Invalid("missing_sha256",
                   fmt::format("missing SHA-256 value: plugin \"{}\" must be registered with the "
                               "hash of its file",
                               spec.ref.name));
  }
  const bool hex = std::all_of(hash.begin(), hash.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  });
  if (!hex || hash.size() != 64) {
    return Invalid(
        "invalid_sha256",
        fmt::format("Could not decode SHA256 value from Hex {}: {}", hash.substr(0, 128),
                    hex ? fmt::format("{} digits instead of 64", hash.size()) : "not hexadecimal"));
  }
  for (char& c : hash) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
  }
  return {};
}

Status ValidateModes(const PluginSpec& spec) {
  const PluginTimeouts& t = spec.timeouts;
  const Millis least = std::min({t.start, t.attach, t.drain, t.graceful, t.terminate, t.kill});
  if (least < Millis(0)) {
    return Invalid("invalid_timeout",
                   fmt::format("a timeout of plugin \"{}\" is negative", spec.ref.name));
  }
  if (SharingName(spec.sharing) == "invalid" || OrderName(spec.order) == "invalid" ||
      ImageName(spec.image) == "invalid") {
    return Invalid("invalid_mode",
                   fmt::format("sharing, order or image mode of plugin \"{}\" is none of the "
                               "known ones",
                               spec.ref.name));
  }
  return {};
}

}  // namespace

Status ValidateIdentity(PluginType type, std::string_view name) {
  if (name.empty()) return Invalid("invalid_name", "missing plugin name");
  if (name.size() > kMaxNameBytes) {
    return Invalid("invalid_name", fmt::format("the plugin name has {} bytes, at most {} are "
                                               "accepted",
                                               name.size(), kMaxNameBytes));
  }
  const bool control = std::any_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
  if (control) return Invalid("invalid_name", "the plugin name has a control character");
  if (!IsUtf8(name)) return Invalid("invalid_name", "the plugin name is not UTF-8");
  if (type == PluginType::kAuth || type == PluginType::kDatabase || type == PluginType::kSecret) {
    return {};
  }
  return Invalid("invalid_type", fmt::format("the type of plugin \"{}\" must be auth, database or "
                                             "secret",
                                             name));
}

Status ValidateSpec(const CatalogOptions& options, PluginSpec& spec) {
  Status status = ValidateIdentity(spec.ref.type, spec.ref.name);
  if (status.ok()) status = ValidateVersion(spec);
  if (status.ok()) status = ValidateLauncher(options, spec);
  if (status.ok()) status = ValidateHash(options, spec);
  if (status.ok()) status = ValidateCommand(options, spec);
  if (status.ok()) status = ValidateStrings(spec);
  if (status.ok()) status = ValidateModes(spec);
  return status;
}

}  // namespace plugreload::internal
