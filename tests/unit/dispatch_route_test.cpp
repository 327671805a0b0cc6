#include <string>

#include "dispatch/route.hpp"
#include "support/catch.hpp"

namespace plugreload::internal {
namespace {

bool Matches(std::string_view pattern, std::string_view path) {
  Captures captures;
  return MatchRoute(pattern, path, captures);
}

TEST_CASE("a plugin's name in a URL is a word with dots and dashes inside", "[dispatch]") {
  constexpr std::string_view kPattern = "sys/plugins/reload/{reload_type}/{name}";
  for (const char* name : {"kv", "k", "_", "my-plugin", "a.b-c", "v2"}) {
    INFO(name);
    Captures captures;
    REQUIRE(MatchRoute(kPattern, std::string("sys/plugins/reload/unknown/") + name, captures));
    CHECK(captures == Captures{{"type", "unknown"}, {"name", name}});
  }
  for (const char* name : {"", "-a", "a-", ".a", "a.", "a/b", "a b", "a%", "k\xc3\xa4se", "a/"}) {
    INFO(name);
    CHECK_FALSE(Matches(kPattern, std::string("sys/plugins/reload/secret/") + name));
  }
  CHECK_FALSE(Matches(kPattern, "sys/plugins/reload/foo/x"));
  CHECK_FALSE(Matches(kPattern, "sys/plugins/reload/auth"));
  CHECK_FALSE(Matches(kPattern, "sys/plugins/reload/backend"));
}

TEST_CASE("unknown is a type of reloads only", "[dispatch]") {
  CHECK(Matches("pins/{type}/{name}", "pins/database/x"));
  CHECK_FALSE(Matches("pins/{type}/{name}", "pins/unknown/x"));
}

TEST_CASE("an optional slash is one slash at the end", "[dispatch]") {
  CHECK(Matches("sys/mounts/?", "sys/mounts"));
  CHECK(Matches("sys/mounts/?", "sys/mounts/"));
  CHECK_FALSE(Matches("sys/mounts/?", "sys/mounts//"));
  CHECK_FALSE(Matches("sys/mounts/?", "sys/mountsx"));
  CHECK_FALSE(Matches("sys/mounts", "sys/mounts/"));
}

TEST_CASE("a star takes slashes, but not in front, and not nothing", "[dispatch]") {
  Captures captures;
  REQUIRE(MatchRoute("sys/mounts/{path*}/tune", "sys/mounts/a/tune/tune", captures));
  CHECK(captures.at("path") == "a/tune");
  CHECK_FALSE(Matches("sys/mounts/{path*}/tune", "sys/mounts/tune"));
  CHECK_FALSE(Matches("sys/mounts/{path*}", "sys/mounts/"));
  CHECK_FALSE(Matches("sys/mounts/{path*}", "sys/mounts//a"));
  CHECK(Matches("sys/mounts/{path*}", "sys/mounts/a/b/"));
}

TEST_CASE("a path that does not fit leaves the captures alone", "[dispatch]") {
  Captures captures = {{"kept", "1"}};
  CHECK_FALSE(MatchRoute("a/{name}/b", "a/x/c", captures));
  CHECK(captures == Captures{{"kept", "1"}});
}

}  // namespace
}  // namespace plugreload::internal
