// What a plugin that is registered says about itself.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "dispatch/plugins.hpp"
#include "dispatch/text.hpp"
#include "reload/engine.hpp"

namespace plugreload::internal {
namespace {

Status Wrong(std::string_view reason, std::string_view message) {
  return Status(Code::kInvalidArgument, reason, message);
}

Status NoType(std::string_view why) {
  return Wrong("type_unknown",
               fmt::format("unable to determine plugin type: {}; register it at "
                           "sys/plugins/catalog/:type/:name, with auth, database or secret",
                           why));
}

// Time is left to register what was learned.
Deadline HalfOf(Deadline deadline) {
  const Deadline now = std::chrono::steady_clock::now();
  return now + (deadline - now) / 2;
}

Status TakeType(const PluginFacts& facts, PluginSpec& spec) {
  if (facts.type == PluginType::kUnknown || facts.type == spec.ref.type) return {};
  if (spec.ref.type == PluginType::kUnknown) {
    spec.ref.type = facts.type;
    return {};
  }
  return Wrong("type_mismatch",
               fmt::format("plugin type mismatch: {} is a plugin of type {}, not {}", spec.ref.name,
                           PluginTypeName(facts.type), PluginTypeName(spec.ref.type)));
}

Status TakeVersion(const PluginFacts& facts, PluginSpec& spec) {
  if (facts.version.empty()) return {};
  auto version = PluginVersion(facts.version);
  if (!version.ok()) {
    return version.status().WithContext(
        fmt::format("the plugin {} says of itself", Quote(spec.ref.name)));
  }
  if (spec.ref.version.empty()) spec.ref.version = *version;
  if (spec.ref.version == *version) return {};
  return Wrong("version_mismatch",
               fmt::format("plugin version mismatch: {} reported version ({}) did not match "
                           "requested version ({})",
                           spec.ref.name, *version, spec.ref.version));
}

void TakeHandshake(PluginFacts& facts, PluginSpec& spec) {
  if (spec.handshake || !facts.handshake) return;
  spec.handshake = std::move(facts.handshake);
  for (std::string& entry : facts.env) {
    // What the registration says about the same variable stands.
    const std::string key = entry.substr(0, entry.find('=') + 1);
    const bool given = std::any_of(spec.env.begin(), spec.env.end(),
                                   [&](const std::string& own) { return own.starts_with(key); });
    if (!given) spec.env.push_back(std::move(entry));
  }
}

}  // namespace

Status LearnFromPlugin(const ApiCall& call, PluginSpec& spec, std::vector<std::string>& warnings) {
  const bool typed = spec.ref.type != PluginType::kUnknown;
  auto facts = call.backend.engine.Inspect(spec, HalfOf(call.deadline));
  if (facts.ok()) {
    Status status = TakeType(*facts, spec);
    if (status.ok()) status = TakeVersion(*facts, spec);
    if (!status.ok()) return status;
    TakeHandshake(*facts, spec);
    if (spec.ref.type != PluginType::kUnknown) return {};
    return NoType(Quote(spec.ref.name) + " does not tell");
  }
  const Status& why = facts.status();
  // What it is refused for is refused by Register, too, with the same words.
  if (why.code() == Code::kInvalidArgument) return why;
  if (!typed) return NoType(why.message());
  if (why.reason() != "no_inspection") {
    warnings.push_back(
        fmt::format("the plugin could not be asked for its version, so it is "
                    "registered as given: {}",
                    why.message()));
  }
  return {};
}

}  // namespace plugreload::internal
