#include "launch/environment.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>
#include <map>
#include <string_view>
#include <utility>

namespace plugreload::internal {
namespace {

class Entries {
 public:
  void Add(std::string_view entry) {
    const std::size_t equals = entry.find('=');
    if (equals == std::string_view::npos || equals == 0) return;
    // The kernel ends an entry at a NUL; half of a value is worse than none.
    if (entry.find('\0') != std::string_view::npos) return;
    values_[std::string(entry.substr(0, equals))] = entry;
  }
  void Set(std::string_view key, std::string_view value) { Add(fmt::format("{}={}", key, value)); }
  std::vector<std::string> Take() && {
    std::vector<std::string> all;
    all.reserve(values_.size());
    for (auto& item : values_) all.push_back(std::move(item.second));
    return all;
  }

 private:
  std::map<std::string, std::string> values_;
};

// "max-ttl" becomes MAX_TTL.
std::string VariableName(std::string_view key) {
  std::string name;
  for (const char c : key) {
    if (c >= 'a' && c <= 'z') {
      name += static_cast<char>(c - 'a' + 'A');
    } else if ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) {
      name += c;
    } else {
      name += '_';
    }
  }
  return name;
}

}  // namespace

std::vector<std::string> InheritedEnvironment(const std::vector<std::string>& names) {
  std::vector<std::string> entries;
  for (const std::string& name : names) {
    if (const char* value = std::getenv(name.c_str())) entries.push_back(name + "=" + value);
  }
  return entries;
}

std::vector<std::string> ChildEnvironment(const std::vector<std::string>& base,
                                          const LaunchSpec& spec, const std::string& directory) {
  Entries entries;
  for (const std::string& entry : base) entries.Add(entry);
  for (const std::string& entry : spec.plugin.env) entries.Add(entry);
  entries.Set(spec.handshake.cookie_key, spec.handshake.cookie_value);
  entries.Set("PLUGIN_PROTOCOL_VERSIONS",
              fmt::format("{}", fmt::join(spec.handshake.protocol_versions, ",")));
  entries.Set("PLUGIN_MIN_PORT", "10000");
  entries.Set("PLUGIN_MAX_PORT", "25000");
  // Old go-plugin plugins know only TMPDIR for their sockets.
  entries.Set("TMPDIR", directory);
  entries.Add(kSocketDirectoryEntry + directory);
  entries.Set("PLUGRELOAD_LIVENESS_FD", "3");
  entries.Set("PLUGRELOAD_PLUGIN", spec.plugin.ref.name);
  entries.Set("PLUGRELOAD_VERSION", spec.plugin.ref.version);
  if (spec.plugin.sharing == Sharing::kMount) {
    entries.Set("PLUGRELOAD_NAMESPACE", spec.mount.ns);
    entries.Set("PLUGRELOAD_MOUNT", spec.mount.path);
    entries.Set("PLUGRELOAD_ACCESSOR", spec.mount.accessor);
    for (const auto& [key, value] : spec.mount.options) {
      entries.Set("PLUGRELOAD_OPTION_" + VariableName(key), value);
    }
  }
  return std::move(entries).Take();
}

}  // namespace plugreload::internal
