#include "namespaces/path_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/utf8.hpp"

namespace plugreload::internal {
namespace {

constexpr std::array<std::string_view, 8> kReservedNames = {
    "root", "sys", "audit", "auth", "cubbyhole", "identity", ".", ".."};
constexpr std::array<std::string_view, 5> kReservedPaths = {"auth/", "sys/", "cubbyhole/",
                                                            "identity/", "audit/"};

bool IsControl(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7F;
}

Status InvalidNamespace(std::string_view ns, std::string_view why) {
  return Status(Code::kInvalidArgument, "invalid_namespace",
                fmt::format("invalid namespace \"{}\": {}", Shown(ns), why));
}

Status InvalidPath(std::string_view path, std::string_view why) {
  return Status(Code::kInvalidArgument, "invalid_path",
                fmt::format("invalid mount path \"{}\": {}", Shown(path), why));
}

Status CheckName(std::string_view ns, std::string_view name) {
  if (name.empty()) return InvalidNamespace(ns, "it has an empty segment");
  if (std::find(kReservedNames.begin(), kReservedNames.end(), name) != kReservedNames.end()) {
    return Status(
        Code::kInvalidArgument, "reserved_name",
        fmt::format("invalid namespace \"{}\": \"{}\" is a reserved name", Shown(ns), name));
  }
  const bool bad = std::any_of(name.begin(), name.end(), [](char c) {
    return IsControl(c) || c == ' ' || c == '+' || c == '*';
  });
  if (bad) {
    return InvalidNamespace(ns, "it has a control character, a space, '+' or '*'");
  }
  if (!IsUtf8(name)) return InvalidNamespace(ns, "it is not UTF-8");
  return {};
}

Status CheckSegment(std::string_view path, std::string_view segment) {
  if (segment.empty()) return InvalidPath(path, "it has an empty segment");
  if (segment == "." || segment == "..") return InvalidPath(path, "it has a segment . or ..");
  if (std::any_of(segment.begin(), segment.end(), IsControl)) {
    return InvalidPath(path, "it has a control character");
  }
  if (!IsUtf8(segment)) return InvalidPath(path, "it is not UTF-8");
  return {};
}

// Each segment of `trimmed`, through `check`, which also gets `whole` for its message.
Status CheckSegments(std::string_view whole, std::string_view trimmed,
                     Status (*check)(std::string_view, std::string_view)) {
  for (std::size_t begin = 0; begin <= trimmed.size();) {
    const std::size_t end = std::min(trimmed.find('/', begin), trimmed.size());
    Status status = check(whole, trimmed.substr(begin, end - begin));
    if (!status.ok()) return status;
    begin = end + 1;
  }
  return {};
}

}  // namespace

std::string Shown(std::string_view text) {
  std::string shown(text.substr(0, 128));
  std::replace_if(shown.begin(), shown.end(), IsControl, '?');
  return shown;
}

std::string_view ParentNamespace(std::string_view ns) {
  const std::size_t slash = ns.substr(0, ns.size() - 1).rfind('/');
  return slash == std::string_view::npos ? std::string_view() : ns.substr(0, slash + 1);
}

std::string_view FirstSegment(std::string_view path) {
  const std::size_t slash = path.find('/');
  return slash == std::string_view::npos ? path : path.substr(0, slash + 1);
}

std::string_view TrimNamespace(std::string_view ns) {
  while (ns.starts_with('/')) ns.remove_prefix(1);
  while (ns.ends_with('/')) ns.remove_suffix(1);
  return ns == "root" ? std::string_view() : ns;
}

bool InReach(std::string_view ns, std::string_view candidate, Depth depth) {
  if (candidate == ns) return true;
  if (depth == Depth::kSelf || !candidate.starts_with(ns)) return false;
  return depth == Depth::kSubtree || ParentNamespace(candidate) == ns;
}

Result<std::string> MountPathFor(PluginType type, std::string_view path) {
  Result<std::string> canonical = CanonicalMountPath(path);
  if (!canonical.ok()) return canonical;
  if (type == PluginType::kAuth) {
    if (*canonical == "auth/") return InvalidPath(path, "an auth mount needs a name below auth/");
    if (!canonical->starts_with("auth/")) canonical->insert(0, "auth/");
    if (canonical->size() > kMaxPathBytes) return InvalidPath(path, "it is too long");
    return canonical;
  }
  for (const std::string_view reserved : kReservedPaths) {
    if (!canonical->starts_with(reserved)) continue;
    return Status(Code::kInvalidArgument, "reserved_path",
                  fmt::format("invalid mount path \"{}\": only {} may lie below {}", Shown(path),
                              reserved == "auth/" ? "auth mounts" : "the server itself", reserved));
  }
  return canonical;
}

}  // namespace plugreload::internal

namespace plugreload {

Result<std::string> CanonicalNamespace(std::string_view ns) {
  const std::string_view trimmed = internal::TrimNamespace(ns);
  if (trimmed.empty()) return std::string();
  if (trimmed.size() >= internal::kMaxPathBytes) {
    return internal::InvalidNamespace(ns, "it is longer than 4096 bytes");
  }
  const Status status = internal::CheckSegments(ns, trimmed, internal::CheckName);
  if (!status.ok()) return status;
  return std::string(trimmed) + '/';
}

Result<std::string> CanonicalMountPath(std::string_view path) {
  if (path.empty()) return internal::InvalidPath(path, "it is empty");
  if (path.starts_with('/')) return internal::InvalidPath(path, "it begins with a slash");
  std::string_view trimmed = path;
  if (trimmed.ends_with('/')) trimmed.remove_suffix(1);
  if (trimmed.size() >= internal::kMaxPathBytes) {
    return internal::InvalidPath(path, "it is longer than 4096 bytes");
  }
  const Status status = internal::CheckSegments(path, trimmed, internal::CheckSegment);
  if (!status.ok()) return status;
  return std::string(trimmed) + '/';
}

}  // namespace plugreload
