#include "json/json.hpp"

#include <limits>

#include "support/catch.hpp"

namespace plugreload::internal {
namespace {

std::string RoundTrip(std::string_view text) {
  const Result<Json> value = ParseJson(text);
  return value.ok() ? ToJson(*value) : std::string(value.status().message());
}

TEST_CASE("every kind of value is read and written", "[json]") {
  for (const std::string_view text :
       {"null", "true", "false", "0", "-7", "9223372036854775807", "-9223372036854775808", "1.5",
        "\"\"", "\"a\\nb\"", "[]", "{}", "[1,[2,{}],\"x\"]", "{\"a\":null,\"b\":[true]}"}) {
    CHECK(RoundTrip(text) == text);
  }
  CHECK(RoundTrip(" \t\r\n{ \"a\" : 1 } \n") == "{\"a\":1}");
  CHECK(RoundTrip("\"\\u00e9\\ud83d\\ude00\"") == "\"\u00e9\U0001F600\"");
}

TEST_CASE("typed access is empty for another kind", "[json]") {
  const Json value = *ParseJson(R"({"b":true,"i":5,"d":2.5,"w":3.0,"s":"x","a":[1],"n":null})");
  CHECK(value.Find("b")->boolean() == true);
  CHECK_FALSE(value.Find("b")->integer().has_value());
  CHECK(value.Find("i")->integer() == 5);
  CHECK(value.Find("i")->number() == 5.0);
  CHECK(value.Find("i")->string() == nullptr);
  CHECK_FALSE(value.Find("d")->integer().has_value());
  CHECK(value.Find("d")->number() == 2.5);
  CHECK(value.Find("w")->integer() == 3);
  CHECK(*value.Find("s")->string() == "x");
  CHECK(value.Find("a")->array()->size() == 1);
  CHECK(value.Find("n")->is_null());
  CHECK(value.Find("missing") == nullptr);
  CHECK(value.Find("s")->Find("x") == nullptr);
  CHECK(value.Find("s")->kind() == "string");
  CHECK(value.Find("i")->kind() == "number");
}

TEST_CASE("numbers are exact, or the nearest there is", "[json]") {
  for (const std::string_view zero : {"0", "-0", "0e0", "0E40", "0.0e-999", "1e-400", "-0.0"}) {
    INFO(zero);
    CHECK(ParseJson(zero)->number() == 0.0);
  }
  CHECK(ParseJson("-9223372036854775808")->integer() == std::numeric_limits<std::int64_t>::min());
  CHECK(ParseJson("1e2")->integer() == 100);
  CHECK(ParseJson("0.1")->number() == 0.1);
  CHECK(ParseJson("1.7976931348623157e308")->number() == std::numeric_limits<double>::max());
  CHECK_FALSE(ParseJson("[1e999]").ok());
  CHECK_FALSE(ParseJson(std::string(400, '9')).ok());
}

TEST_CASE("an integer beyond 64 bits is a number but no integer", "[json]") {
  CHECK_FALSE(ParseJson("9223372036854775808")->integer().has_value());
  CHECK(ParseJson("9223372036854775808")->number() == 9223372036854775808.0);
  CHECK_FALSE(ParseJson("123456789012345678901234567890")->integer().has_value());
  CHECK_FALSE(Json(std::numeric_limits<std::uint64_t>::max()).integer().has_value());
  CHECK_FALSE(Json(1e300).integer().has_value());
}

TEST_CASE("members keep their order and of equal names the first wins", "[json]") {
  CHECK(RoundTrip(R"({"z":1,"a":2,"z":3})") == R"({"z":1,"a":2})");
  std::string text = "{\"k0\":\"first\"";
  for (int i = 1; i < 200; ++i) text += ",\"k" + std::to_string(i) + "\":" + std::to_string(i);
  text += ",\"k0\":\"second\",\"k150\":\"second\"}";
  const Json value = *ParseJson(text);
  CHECK(value.object()->size() == 200);
  CHECK(*value.Find("k0")->string() == "first");
  CHECK(value.Find("k150")->integer() == 150);
}

TEST_CASE("what is not JSON is refused with the offset", "[json]") {
  for (const std::string_view text :
       {"",         " ",       "{",           "[1,]",     "{\"a\":}", "{\"a\" 1}",
        "{a:1}",    "nul",     "1 2",         "{} x",     "'a'",      "+1",
        "01",       "1.",      ".5",          "NaN",      "Infinity", "1e999",
        "\"\x01\"", "\"\\x\"", "\"\\ud800\"", "\"\xff\"", "\"\xc3\"", "\"unfinished",
        "/**/1"}) {
    INFO(text);
    const Result<Json> value = ParseJson(text);
    REQUIRE_FALSE(value.ok());
    CHECK(value.status().code() == Code::kInvalidArgument);
    CHECK(value.status().reason() == "invalid_json");
    CHECK(value.status().message().starts_with("error parsing JSON: "));
    CHECK(value.status().message().find("offset") != std::string_view::npos);
  }
  CHECK_FALSE(ParseJson(std::string_view("{}\0{}", 5)).ok());
  CHECK_FALSE(ParseJson(std::string_view("\0", 1)).ok());
  CHECK_FALSE(ParseJson(std::string_view()).ok());
}

TEST_CASE("depth is limited without recursion", "[json]") {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  CHECK(ParseJson(nested(64)).ok());
  const auto refused = ParseJson(nested(65));
  CHECK(refused.status().reason() == "invalid_json");
  CHECK(refused.status().message().find("64 levels") != std::string_view::npos);
  CHECK(ParseJson(std::string(10'000'000, '[')).status().reason() == "invalid_json");
  JsonLimits limits;
  limits.max_depth = std::numeric_limits<std::size_t>::max();
  CHECK(ParseJson(nested(1000), limits).ok());
  CHECK_FALSE(ParseJson(nested(1001), limits).ok());
  limits.max_depth = 0;
  CHECK(ParseJson("1", limits).ok());
  CHECK_FALSE(ParseJson("[]", limits).ok());
}

TEST_CASE("bytes and values are limited", "[json]") {
  JsonLimits limits;
  limits.max_bytes = 5;
  CHECK(ParseJson("12345", limits).ok());
  CHECK(ParseJson("123456", limits).status().code() == Code::kResourceExhausted);
  limits = {};
  limits.max_values = 3;
  CHECK(ParseJson("[1,2]", limits).ok());
  CHECK(ParseJson("[1,2,3]", limits).status().reason() == "json_too_large");
}

TEST_CASE("builders read like the text they make", "[json]") {
  Json reply(Json::Object{{"data", Json::Object{{"keys", Json::Array{"a", 1, true, nullptr}}}},
                          {"map", std::map<std::string, std::string>{{"k", "v"}}},
                          {"list", std::vector<std::string>{"x", "y"}}});
  reply.Set("map", 2).Set("more", Json().Add(1.5).Add(std::string_view("z")));
  CHECK(ToJson(reply) ==
        R"({"data":{"keys":["a",1,true,null]},"map":2,"list":["x","y"],"more":[1.5,"z"]})");
  CHECK(ToJson(Json().Set("a", Json::Object())) == R"({"a":{}})");
  CHECK(reply == *ParseJson(ToJson(reply)));
}

TEST_CASE("bytes that are not UTF-8 are written as replacement characters", "[json]") {
  const std::string replaced = "\xEF\xBF\xBD";
  CHECK(ToJson(Json("a\xff"
                    "b\xc3")) == "\"a" + replaced + "b" + replaced + "\"");
  CHECK(ToJson(Json("\xed\xa0\x80")) == "\"" + replaced + replaced + replaced + "\"");
  CHECK(ToJson(Json("\xc0\xaf")) == "\"" + replaced + replaced + "\"");
  CHECK(ToJson(Json("\xf0\x9f\x98\x80\x7f")) == "\"\xf0\x9f\x98\x80\x7f\"");
  CHECK(ToJson(Json(Json::Object{{"\xff", 1}})) == "{\"" + replaced + "\":1}");
  CHECK(ParseJson(ToJson(Json(std::string("\0\x01\"\\/", 5)))).ok());
  CHECK(ToJson(Json(std::numeric_limits<double>::infinity())) == "null");
}

}  // namespace
}  // namespace plugreload::internal
