#include "base/utf8.hpp"

#include <string_view>

#include "support/catch.hpp"

namespace plugreload::internal {
namespace {

TEST_CASE("UTF-8 is told from what only looks like it", "[base]") {
  for (const std::string_view good : {"", "kv", "k\xc3\xa4se", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
                                      "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf", "\x7f"}) {
    INFO(good);
    CHECK(IsUtf8(good));
  }
  CHECK(IsUtf8(std::string_view("a\0b", 3)));
  // A continuation alone, cut ones, overlong ones, a surrogate, a number too high.
  for (const std::string_view bad : {"\x80", "a\xc3", "\xc3(", "\xe2\x82", "\xf0\x9f\x98",
                                     "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xf0\x80\x80\x80",
                                     "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff\xfe", "ok\xfe"}) {
    CHECK_FALSE(IsUtf8(bad));
  }
}

}  // namespace
}  // namespace plugreload::internal
