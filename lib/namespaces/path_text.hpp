// namespaces/path_text.hpp - namespace and mount paths as text.
#ifndef PLUGRELOAD_NAMESPACES_PATH_TEXT_HPP_
#define PLUGRELOAD_NAMESPACES_PATH_TEXT_HPP_

#include <string>
#include <string_view>

#include "plugreload/namespaces.hpp"

namespace plugreload::internal {

inline constexpr std::size_t kMaxPathBytes = 4096;

// "team/" of "team/project/", "" of "team/". REQUIRES: canonical, not the root.
std::string_view ParentNamespace(std::string_view ns);

// The text up to and with the first slash: "kv/" of "kv/sub/".
std::string_view FirstSegment(std::string_view path);

// A request's namespace as the published tables know it: without slashes around it, "" for the
// root. A part of `ns`; nothing inside it is checked.
std::string_view TrimNamespace(std::string_view ns);

// What a namespace holds when a call looks `depth` deep. REQUIRES: both canonical.
bool InReach(std::string_view ns, std::string_view candidate, Depth depth);

// For messages: at most 128 bytes, and on one line.
std::string Shown(std::string_view text);

// CanonicalMountPath, and where a mount of this type may lie: auth mounts below auth/ (which is
// added when it is missing), others not below a reserved name ("reserved_path").
Result<std::string> MountPathFor(PluginType type, std::string_view path);

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_NAMESPACES_PATH_TEXT_HPP_
