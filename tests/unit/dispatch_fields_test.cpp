#include <string>

#include "dispatch/fields.hpp"
#include "support/catch.hpp"

namespace plugreload::internal {
namespace {

constexpr FieldSpec kSpecs[] = {{"text", FieldKind::kString},  {"flag", FieldKind::kBool},
                                {"list", FieldKind::kList},    {"strings", FieldKind::kStrings},
                                {"pairs", FieldKind::kPairs},  {"map", FieldKind::kMap},
                                {"time", FieldKind::kDuration}};

Result<Fields> Decode(std::string_view json,
                      const std::map<std::string, std::string>& captures = {}) {
  return Fields::Decode(*ParseJson(json), kSpecs, captures);
}

TEST_CASE("null is the same as absent", "[dispatch]") {
  const auto fields = Decode(R"({"text":null,"flag":null,"list":null,"pairs":null,"time":null})");
  REQUIRE(fields.ok());
  CHECK_FALSE(fields->Has("text"));
  CHECK(fields->String("text").empty());
  CHECK_FALSE(fields->Bool("flag"));
  CHECK(fields->List("list").empty());
  CHECK(fields->Pairs("pairs").empty());
  CHECK_FALSE(fields->Duration("time"));
  CHECK(fields->warnings().empty());
}

TEST_CASE("numbers and booleans become strings", "[dispatch]") {
  CHECK(Decode(R"({"text":7})")->String("text") == "7");
  CHECK(Decode(R"({"text":1.5})")->String("text") == "1.5");
  CHECK(Decode(R"({"text":true})")->String("text") == "1");
}

TEST_CASE("a list is an array as it is or a string split at commas", "[dispatch]") {
  using List = std::vector<std::string>;
  CHECK(Decode(R"({"list":["a,b"," c "]})")->List("list") == List{"a,b", "c"});
  CHECK(Decode(R"({"list":"a/, b/"})")->List("list") == List{"a/", "b/"});
  CHECK(Decode(R"({"list":""})")->List("list").empty());
  CHECK(Decode(R"({"list":"a/,"})")->List("list") == List{"a/", ""});
  CHECK(Decode(R"({"list":[1,null,true]})")->List("list") == List{"1", "", "1"});
  CHECK(Decode(R"({"list":5})")->List("list") == List{"5"});
  CHECK(Decode(R"({"strings":"A=1, 2"})")->List("strings") == List{"A=1, 2"});
  CHECK(Decode(R"({"strings":[" a "]})")->List("strings") == List{" a "});
}

TEST_CASE("pairs are an object or key=value texts", "[dispatch]") {
  const std::map<std::string, std::string> expected = {{"a", "1"}, {"b", "x=y"}};
  CHECK(Decode(R"({"pairs":{"a":1,"b":"x=y"}})")->Pairs("pairs") == expected);
  CHECK(Decode(R"({"pairs":["a=1","b=x=y"]})")->Pairs("pairs") == expected);
}

TEST_CASE("a flag takes what a form or a shell can say", "[dispatch]") {
  CHECK(Decode(R"({"flag":"true"})")->Bool("flag"));
  CHECK(Decode(R"({"flag":1})")->Bool("flag"));
  CHECK_FALSE(Decode(R"({"flag":"0"})")->Bool("flag"));
  CHECK_FALSE(Decode(R"({"flag":""})")->Bool("flag"));
}

TEST_CASE("a duration is text or seconds", "[dispatch]") {
  CHECK(Decode(R"({"time":"500ms"})")->Duration("time") == Millis(500));
  CHECK(Decode(R"({"time":"3"})")->Duration("time") == Millis(3000));
  CHECK(Decode(R"({"time":3})")->Duration("time") == Millis(3000));
  CHECK(Decode(R"({"time":0.5})")->Duration("time") == Millis(500));
}

TEST_CASE("a value of the wrong type names its field", "[dispatch]") {
  for (const char* json :
       {R"({"text":[]})", R"({"text":{}})", R"({"flag":"maybe"})", R"({"flag":[]})",
        R"({"list":{}})", R"({"list":[[]]})", R"({"pairs":["a"]})", R"({"pairs":{"a":{}}})",
        R"({"map":1})", R"({"time":"soon"})", R"({"time":-1})", R"({"time":true})"}) {
    INFO(json);
    const auto fields = Decode(json);
    REQUIRE_FALSE(fields.ok());
    const std::string message(fields.status().message());
    const std::string key(json + 2, std::string(json).find('"', 2) - 2);
    CHECK(message.starts_with("Field validation failed: error converting input for field \"" + key +
                              "\": "));
    CHECK(message.find("expected") != std::string::npos);
  }
}

TEST_CASE("unknown and captured parameters are warned about, in order", "[dispatch]") {
  const auto fields = Decode(R"({"y":1,"x":null,"type":"auth","name":null,"text":"t"})",
                             {{"type", "secret"}, {"name", "kv"}});
  REQUIRE(fields.ok());
  REQUIRE(fields->warnings().size() == 2);
  CHECK(fields->warnings()[0] == "Endpoint ignored these unrecognized parameters: [x y]");
  CHECK(fields->warnings()[1] ==
        "Endpoint replaced the value of these parameters with the values captured from the "
        "endpoint's path: [type]");
}

}  // namespace
}  // namespace plugreload::internal
