#include "registry/semver.hpp"

#include <algorithm>
#include <vector>

#include "plugreload/registry.hpp"
#include "support/catch.hpp"

namespace plugreload::internal {
namespace {

TEST_CASE("versions become canonical as in Vault", "[registry]") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"1", "v1.0.0"},
      {"1.2", "v1.2.0"},
      {"v1.2.3", "v1.2.3"},
      {"1.2.3.4", "v1.2.3.4"},
      {"01.002.3", "v1.2.3"},
      {"1.0-rc1", "v1.0.0-rc1"},
      {"v1.0.0-rc.1+b.2", "v1.0.0-rc.1+b.2"},
      {"1.0.0+ent", "v1.0.0+ent"},
      {"1.0.0+a-b", "v1.0.0+a-b"},
      {"1.0.0--x", "v1.0.0--x"},
      {"0.0.0", "v0.0.0"},
      {"9223372036854775807.0.0", "v9223372036854775807.0.0"}};
  for (const auto& [text, canonical] : cases) {
    INFO(text);
    const auto version = CanonicalVersion(text);
    REQUIRE(version.ok());
    CHECK(*version == canonical);
    CHECK(*CanonicalVersion(*version) == canonical);
  }
}

TEST_CASE("what is no semantic version is refused in Vault's words", "[registry]") {
  for (const std::string text : {"",          "v",         "V1.0.0",
                                 "vv1",       "x",         "1.",
                                 ".1",        "1..2",      "1.x",
                                 "1.0.0-",    "1.0.0+",    "1.0.0-a..b",
                                 "1.0.0-a_b", "1.0.0+a+b", "1.0.0 ",
                                 " 1.0.0",    "-1.0",      "1.0.0/..",
                                 "1.0.0\n",   "1beta",     "9223372036854775808.0.0",
                                 "latest"}) {
    INFO(text);
    const auto version = CanonicalVersion(text);
    REQUIRE_FALSE(version.ok());
    CHECK(version.status().code() == Code::kInvalidArgument);
    CHECK(version.status().reason() == "invalid_version");
    CHECK(version.status().message().find('\n') == std::string_view::npos);
  }
  CHECK(CanonicalVersion("nope").status().message() ==
        "version \"nope\" is not a valid semantic version: malformed version: nope");
  CHECK_FALSE(CanonicalVersion("1.0.0-" + std::string(300, 'a')).ok());
  CHECK_FALSE(CanonicalVersion(std::string("1.0.0\0", 6)).ok());
}

TEST_CASE("versions are ordered by semantic precedence", "[registry]") {
  const std::vector<std::string> ascending{"",
                                           "v0.9.0",
                                           "v1.0.0-1",
                                           "v1.0.0-2",
                                           "v1.0.0-10",
                                           "v1.0.0-alpha",
                                           "v1.0.0-alpha.1",
                                           "v1.0.0-alpha.beta",
                                           "v1.0.0-beta",
                                           "v1.0.0-beta.2",
                                           "v1.0.0-beta.11",
                                           "v1.0.0-rc.1",
                                           "v1.0.0",
                                           "v1.0.0+a",
                                           "v1.0.0+b",
                                           "v1.0.0.1",
                                           "v1.0.1",
                                           "v1.2.0",
                                           "v1.10.0",
                                           "v2.0.0",
                                           "v10.0.0",
                                           "not a version"};
  auto shuffled = ascending;
  std::reverse(shuffled.begin(), shuffled.end());
  std::rotate(shuffled.begin(), shuffled.begin() + 7, shuffled.end());
  std::sort(shuffled.begin(), shuffled.end(), VersionLess());
  CHECK(shuffled == ascending);
  for (std::size_t i = 0; i < ascending.size(); ++i) {
    for (std::size_t j = 0; j < ascending.size(); ++j) {
      CHECK(VersionLess()(ascending[i], ascending[j]) == (i < j));
    }
  }
}

TEST_CASE("long numeric identifiers compare as numbers and metadata does not count", "[registry]") {
  const auto compare = [](const char* a, const char* b) {
    return ComparePrecedence(*Semver::Parse(a), *Semver::Parse(b));
  };
  CHECK(compare("1.0.0-99999999999999999999", "1.0.0-100000000000000000000") ==
        std::strong_ordering::less);
  CHECK(compare("1.0.0-007", "1.0.0-7") == std::strong_ordering::equal);
  CHECK(compare("1.0.0+a", "1.0.0+b") == std::strong_ordering::equal);
  CHECK(compare("1.0", "1.0.0.0") == std::strong_ordering::equal);
  CHECK(Semver::Parse("1.0.0+x.builtin.y")->HasMetadata("builtin"));
  CHECK_FALSE(Semver::Parse("1.0.0-builtin+builtins")->HasMetadata("builtin"));
}

}  // namespace
}  // namespace plugreload::internal
