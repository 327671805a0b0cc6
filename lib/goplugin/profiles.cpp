#include <algorithm>
#include <utility>

#include "plugreload/goplugin.hpp"

namespace plugreload {
namespace {

// Vault's plugins ask for a token to unwrap otherwise; OpenBao's read their own name first.
const char* const kVaultEnv[] = {"VAULT_PLUGIN_AUTOMTLS_ENABLED=true",
                                 "BAO_PLUGIN_AUTOMTLS_ENABLED=true"};

GoPluginProfile Vault(std::string_view key, std::string_view value, std::vector<int> versions) {
  GoPluginProfile profile;
  profile.handshake = {std::string(key), std::string(value), std::move(versions)};
  profile.env.assign(std::begin(kVaultEnv), std::end(kVaultEnv));
  return profile;
}

}  // namespace

std::optional<GoPluginProfile> FindGoPluginProfile(std::string_view name) {
  if (name == "vault_backend") {
    return Vault("VAULT_BACKEND_PLUGIN", "6669da05-b1c8-4f49-97d9-c8e5bed98e20", {3, 4, 5});
  }
  if (name == "vault_database") {
    return Vault("VAULT_DATABASE_PLUGIN", "926a0820-aea2-be28-51d6-83cdf00e8edb", {3, 4, 5, 6});
  }
  return std::nullopt;
}

Status ApplyGoPluginProfile(std::string_view name, PluginSpec& spec) {
  const std::optional<GoPluginProfile> profile = FindGoPluginProfile(name);
  if (!profile) {
    return Status(Code::kNotFound, "unknown_profile",
                  "there is no handshake of the name \"" + std::string(name) +
                      "\"; known are vault_backend and vault_database");
  }
  spec.handshake = profile->handshake;
  spec.protocols = {"grpc"};
  spec.launcher = "goplugin";
  for (const std::string& entry : profile->env) {
    // What the plugin's own entry says about the same variable stands.
    const std::string key = entry.substr(0, entry.find('=') + 1);
    const bool given = std::any_of(spec.env.begin(), spec.env.end(), [&](const std::string& own) {
      return own.compare(0, key.size(), key) == 0;
    });
    if (!given) spec.env.push_back(entry);
  }
  return {};
}

}  // namespace plugreload
