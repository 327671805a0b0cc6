// state/keys.hpp - the keys of the documents that make up catalog and tree.
#ifndef PLUGRELOAD_STATE_KEYS_HPP_
#define PLUGRELOAD_STATE_KEYS_HPP_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "plugreload/types.hpp"

namespace plugreload::internal {

// What the images watch. Everything else in the store (reload requests, nodes) stays outside it.
inline constexpr std::string_view kStatePrefix = "state/";

enum class KeyKind : std::int32_t {
  kPlugin,          // state/plugins/<type>/<name>/<version or "-">
  kPin,             // state/pins/<type>/<name>
  kPluginGuard,     // state/guards/plugin/<type>/<name>
  kNamespace,       // state/namespaces/<path or "-">
  kMount,           // state/mounts/<namespace path or "-">/<path>
  kNamespaceGuard,  // state/guards/namespace/<path or "-">
};

// A key in its parts. Names and paths are percent-escaped in the key, so that each is one segment.
struct StateKey {
  KeyKind kind = KeyKind::kPlugin;
  PluginRef plugin;  // of the first three; version only of kPlugin
  std::string ns;    // of the others; canonical
  std::string path;  // of kMount; canonical
};

std::string PluginKey(const PluginRef& ref);
std::string PluginPrefix(PluginType type, std::string_view name);  // of every version's key
std::string PinKey(PluginType type, std::string_view name);
// Rewritten whenever the versions or the pin of (type, name) change in a way that a check of
// another writer relies on. Never removed.
std::string PluginGuardKey(PluginType type, std::string_view name);
std::string NamespaceKey(std::string_view ns);
std::string MountKey(std::string_view ns, std::string_view path);
// Rewritten whenever a mount or child is added to the namespace or moved; comes and goes with the
// namespace (the root's comes with the first such change).
std::string NamespaceGuardKey(std::string_view ns);

// The text of a guard: only its revision means something.
inline constexpr std::string_view kGuardText = "{}";

// nullopt: not a key of this shape.
std::optional<StateKey> ParseStateKey(std::string_view key);

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_STATE_KEYS_HPP_
