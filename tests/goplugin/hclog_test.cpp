// The JSON lines of Go plugins, and everything that only looks like one.
#include "goplugin/hclog.hpp"

#include <string>

#include "support/catch.hpp"

namespace plugreload::goplugin {
namespace {

std::string Fields(const HclogLine& line) {
  std::string text;
  for (const auto& [name, value] : line.fields) text += name + "=" + value + ";";
  return text;
}

TEST_CASE("level, message and fields are taken as they are", "[goplugin][hclog]") {
  const auto line = ParseHclog(
      R"({"@level":"error","@message":"a \"b\"","n":12345678901234567890.10,"t":true,"o":null,)"
      R"("d":{"x":[1,{"y":"z"}]},"s":"t\u0000e"})");
  REQUIRE(line.has_value());
  CHECK(line->level == LogLevel::kError);
  CHECK(line->message == "a \"b\"");
  CHECK(Fields(*line) == std::string(R"(n=12345678901234567890.10;t=true;o=null;)") +
                             R"(d={"x":[1,{"y":"z"}]};s=t)" + '\0' + "e;");
}

TEST_CASE("a message of several lines is one line to the host", "[goplugin][hclog]") {
  CHECK(ParseHclog(R"({"@message":"a\n\n[ERROR] b\n"})")->message == R"(a\n\n[ERROR] b\n)");
}

TEST_CASE("every level has its name, and an unknown one does not cost the line",
          "[goplugin][hclog]") {
  const auto level = [](const std::string& name) {
    return ParseHclog(R"({"@message":"m","@level":")" + name + "\"}")->level;
  };
  CHECK(level("trace") == LogLevel::kTrace);
  CHECK(level("debug") == LogLevel::kDebug);
  CHECK(level("info") == LogLevel::kInfo);
  CHECK(level("warn") == LogLevel::kWarn);
  CHECK(level("error") == LogLevel::kError);
  CHECK(level("fatal") == LogLevel::kInfo);
  CHECK(ParseHclog(R"({"@message":"m"})")->level == LogLevel::kInfo);
}

TEST_CASE("what is not exactly one such object is a line like any other", "[goplugin][hclog]") {
  std::string many = R"({"@message":"m")";
  for (int i = 0; i < 65; ++i) many += ",\"k\":1";
  const std::string text = GENERATE_COPY(
      as<std::string>(), "", "{", "}", "{}", "[]", "text", " {\"@message\":\"m\"}",
      R"({"@message":1})", R"({"@message":null})", R"({"@message":["m"]})",
      R"({"@message":{"@message":"m"}})", R"({"a":{"@message":"m"}})",
      R"({"@message":"m","@level":2})", R"({"@message":"m","@level":{}})",
      R"({"@message":"m","@message":"n"})",
      R"({"@message":"m"} )"
      "x",
      R"({"@message":"m"}{})", R"({"@message":"m",})", R"({"@message":"m","a":01})",
      "{\"@message\":\"\xff\"}", "{\"@message\":\"a\nb\"}",
      std::string("{\"@message\":\"m\"}\0x", 17), many + "}",
      "{\"@message\":\"m\",\"d\":" + std::string(20, '[') + std::string(20, ']') + "}",
      "{\"d\":" + std::string(60'000, '['), "{\"d\":" + std::string(60'000, '{'));
  INFO(text.substr(0, 100));
  CHECK_FALSE(ParseHclog(text).has_value());
}

}  // namespace
}  // namespace plugreload::goplugin
