// plugreload/types.hpp - the words of the domain: plugins, mounts, times.
#ifndef PLUGRELOAD_TYPES_HPP_
#define PLUGRELOAD_TYPES_HPP_

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugreload/export.hpp"

namespace plugreload {

using Millis = std::chrono::milliseconds;
using Deadline = std::chrono::steady_clock::time_point;

// The deadline `timeout` from now; a timeout that would overflow is the latest point there is.
PLUGRELOAD_EXPORT Deadline After(Millis timeout);

// What a mutator of the registry or the tree waits for the store when the caller gives no deadline.
inline constexpr Millis kDefaultMutationTimeout{10'000};

// Vault's numbers and strings ("unknown", "auth", "database", "secret"). kUnknown is never stored:
// in a request it means all three types.
enum class PluginType : std::int32_t { kUnknown = 0, kAuth = 1, kDatabase = 2, kSecret = 3 };
PLUGRELOAD_EXPORT std::string_view PluginTypeName(PluginType type);
PLUGRELOAD_EXPORT std::optional<PluginType> ParsePluginType(std::string_view text);

// One entry of the catalog. `version` is canonical ("v1.2.3"), or empty: the unversioned entry.
struct PluginRef {
  PluginType type = PluginType::kSecret;
  std::string name;
  std::string version;

  auto operator<=>(const PluginRef&) const = default;
};

// Which mounts may share one instance: none, those of one namespace, or all of the node.
// "mount", "namespace", "global".
enum class Sharing : std::int32_t { kMount = 0, kNamespace = 1, kGlobal = 2 };

// start_first: the new instance is ready before the old one loses traffic. stop_first: for plugins
// that hold a port, a lock or a file; requests wait while the old one drains and stops.
// "start_first", "stop_first".
enum class Order : std::int32_t { kStartFirst = 0, kStopFirst = 1 };

// sealed: a copy of the file is hashed once, sealed against change, and that copy runs. in_place:
// the file itself is hashed through an open descriptor and runs; for programs that look beside
// themselves. The owner of the file can then still change it after the hash, and reports say so.
// A script (#!) of a sealed image runs from a private copy. "sealed", "in_place".
enum class Image : std::int32_t { kSealed = 0, kInPlace = 1 };

PLUGRELOAD_EXPORT std::string_view SharingName(Sharing sharing);
PLUGRELOAD_EXPORT std::optional<Sharing> ParseSharing(std::string_view text);
PLUGRELOAD_EXPORT std::string_view OrderName(Order order);
PLUGRELOAD_EXPORT std::optional<Order> ParseOrder(std::string_view text);
PLUGRELOAD_EXPORT std::string_view ImageName(Image image);
PLUGRELOAD_EXPORT std::optional<Image> ParseImage(std::string_view text);

// go-plugin's handshake as the host sets it: the cookie that tells a plugin it runs under a host,
// and the application protocol versions the host speaks. A plugin answers with one of them.
struct Handshake {
  std::string cookie_key;
  std::string cookie_value;
  std::vector<int> protocol_versions;

  bool operator==(const Handshake&) const = default;
};

// Deadlines of one plugin. A step that passes its own ends as its comment says.
struct PluginTimeouts {
  Millis start{60'000};     // to ready; then the new instance is killed and the old one serves
  Millis attach{10'000};    // Host::Attach; then the late object is destroyed and the start fails
  Millis drain{10'000};     // old leases; then the reload reports `draining` and goes on behind
  Millis graceful{0};       // after the liveness socket ends, before SIGTERM; 0 skips the step
  Millis terminate{5'000};  // after SIGTERM, before SIGKILL to the process group
  Millis kill{2'000};       // after SIGKILL, before the instance is reported as unkillable

  bool operator==(const PluginTimeouts&) const = default;
};

// How to run one version of a plugin. PluginRegistry::Register says what is checked.
struct PluginSpec {
  PluginRef ref;
  std::string launcher = "process";  // a name bound in RuntimeOptions::launchers
  std::string command;               // absolute, or relative to RuntimeOptions::plugin_directory
  std::vector<std::string> args;     // without argv[0]
  std::vector<std::string> env;      // KEY=value, on top of the launcher's clean environment
  std::string sha256;                // 64 hex digits, stored in lower case
  Image image = Image::kSealed;
  Sharing sharing = Sharing::kMount;
  Order order = Order::kStartFirst;
  std::vector<std::string> protocols = {"grpc", "http"};  // that its handshake line may name
  std::optional<Handshake> handshake;                     // instead of RuntimeOptions::handshake
  PluginTimeouts timeouts;

  bool operator==(const PluginSpec&) const = default;
};

// When the instance of a mount starts: with the mount and with the runtime, or at first use.
enum class StartMode : std::int32_t { kEager = 0, kLazy = 1 };

// A mount: a path in a namespace served by a plugin. Namespace and path are canonical: no leading
// slash, one trailing slash ("team/project/", "kv/", "auth/ldap/"); the root namespace is "".
struct MountEntry {
  std::string ns;
  std::string path;
  std::string accessor;  // unique for ever; assigned when empty ("kv_1f3c9a02")
  PluginType type = PluginType::kSecret;
  std::string plugin;   // name in the catalog
  std::string version;  // stored version; "" = the unversioned entry
  std::string description;
  std::map<std::string, std::string> options;  // reach the instance, see LaunchSpec
  StartMode start = StartMode::kEager;
  // The stored version runs although the plugin has a pin.
  bool override_pinned_version = false;

  bool operator==(const MountEntry&) const = default;
};

// Changes to what is stored on a mount. A field without a value stays as it is.
struct MountTune {
  std::optional<std::string> version;
  std::optional<std::string> description;
  std::optional<std::map<std::string, std::string>> options;
  std::optional<bool> override_pinned_version;
};

}  // namespace plugreload

#endif  // PLUGRELOAD_TYPES_HPP_
