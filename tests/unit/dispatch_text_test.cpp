#include <string>

#include "dispatch/text.hpp"
#include "support/catch.hpp"

namespace plugreload::internal {
namespace {

TEST_CASE("a quoted text escapes what a log or a terminal would stumble over", "[dispatch]") {
  CHECK(Quote("kv/") == "\"kv/\"");
  CHECK(Quote("a\"b\\c\n\t") == "\"a\\\"b\\\\c\\n\\t\"");
  CHECK(Quote(std::string("\0\x1b", 2)) == "\"\\x00\\x1b\"");
  CHECK(Quote("gr\xc3\xbc\xc3\x9f") == "\"gr\xc3\xbc\xc3\x9f\"");
  CHECK(Quote("\xff\xc3") == "\"\\xff\\xc3\"");
}

TEST_CASE("a time is written in UTC with milliseconds", "[dispatch]") {
  CHECK(TimeText(0) == "1970-01-01T00:00:00.000Z");
  CHECK(TimeText(1767323045678) == "2026-01-02T03:04:05.678Z");
  CHECK(TimeText(951782400001) == "2000-02-29T00:00:00.001Z");
}

TEST_CASE("a duration is Go's or whole seconds", "[dispatch]") {
  CHECK(ParseDuration("10") == Millis(10'000));
  CHECK(ParseDuration("0") == Millis(0));
  CHECK(ParseDuration("10s") == Millis(10'000));
  CHECK(ParseDuration("500ms") == Millis(500));
  CHECK(ParseDuration("1m30s") == Millis(90'000));
  CHECK(ParseDuration("1.5h") == Millis(5'400'000));
  CHECK(ParseDuration("1500us") == Millis(2));
}

TEST_CASE("what is no duration is none", "[dispatch]") {
  for (const char* text : {"", "-1s", "+1s", "s", "1x", "1s2", "1.s.", "1 s", "1e3s", "nan", "inf",
                           "99999999999999999999", "99999h99999h"}) {
    INFO(text);
    CHECK_FALSE(ParseDuration(text).has_value());
  }
}

TEST_CASE("a duration that was written is read back", "[dispatch]") {
  for (const int ms : {0, 1, 999, 1000, 1500, 60'000, 86'400'000}) {
    CHECK(ParseDuration(DurationText(Millis(ms))) == Millis(ms));
  }
}

TEST_CASE("words are joined whatever they are", "[dispatch]") {
  CHECK(Join({}, " ").empty());
  CHECK(Join({"a"}, " ") == "a");
  CHECK(Join({"", "b", ""}, ",") == ",b,");
}

}  // namespace
}  // namespace plugreload::internal
