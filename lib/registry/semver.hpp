// registry/semver.hpp - versions as Vault reads, writes and orders them.
#ifndef PLUGRELOAD_REGISTRY_SEMVER_HPP_
#define PLUGRELOAD_REGISTRY_SEMVER_HPP_

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "plugreload/status.hpp"

namespace plugreload::internal {

// "v" (optional), numbers between dots, "-" and a pre-release, "+" and metadata. Identifiers are
// of [0-9A-Za-z~-], between dots, not empty.
struct Semver {
  std::vector<std::int64_t> numbers;    // three or more
  std::vector<std::string> prerelease;  // empty: a release
  std::vector<std::string> metadata;

  // kInvalidArgument "invalid_version".
  static Result<Semver> Parse(std::string_view text);

  // "v1.2.0-rc.1+build".
  std::string ToString() const;
  bool HasMetadata(std::string_view identifier) const;
};

// Semantic precedence: numbers, missing ones counted as zero; a pre-release before its release;
// numeric identifiers as numbers and before others; metadata does not count.
std::strong_ordering ComparePrecedence(const Semver& a, const Semver& b);

// Orders canonical versions: the empty one first, then by precedence, then by text.
struct VersionLess {
  bool operator()(std::string_view a, std::string_view b) const;
  using is_transparent = void;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_REGISTRY_SEMVER_HPP_
