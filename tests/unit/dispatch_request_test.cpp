#include <string>

#include "dispatch/request.hpp"
#include "support/catch.hpp"

namespace plugreload::internal {
namespace {

Request Call(std::string method, std::string target) {
  Request request;
  request.method = std::move(method);
  request.target = std::move(target);
  return request;
}

Request Post(std::string body, std::string content_type = {}) {
  Request request = Call("POST", "/v1/x");
  request.body = std::move(body);
  request.content_type = std::move(content_type);
  return request;
}

TEST_CASE("a target is decoded once and split from its query", "[dispatch]") {
  const auto parsed = ParseTarget(Call("GET", "/v1/sys/a%2Fb%2525?x=1&y=a+b%21&x=2#f?z=1"));
  REQUIRE(parsed.ok());
  CHECK(parsed->path == "sys/a/b%25");
  CHECK(parsed->verb == Verb::kRead);
  CHECK(ToJson(parsed->data) == R"({"x":["1","2"],"y":"a b!"})");
}

TEST_CASE("help is no parameter of an endpoint", "[dispatch]") {
  CHECK(ToJson(ParseTarget(Call("GET", "/v1/x?help=1&a=b"))->data) == R"({"a":"b"})");
}

TEST_CASE("GET with list=true is a list and list is no parameter of it", "[dispatch]") {
  for (const char* value : {"true", "True", "1", "t"}) {
    const auto parsed = ParseTarget(Call("GET", std::string("/v1/x?a=b&list=") + value));
    REQUIRE(parsed.ok());
    CHECK(parsed->verb == Verb::kList);
    CHECK(ToJson(parsed->data) == R"({"a":"b"})");
  }
  CHECK(ParseTarget(Call("GET", "/v1/x?list=false"))->verb == Verb::kRead);
}

TEST_CASE("POST and PUT are the same verb and their query is no parameter", "[dispatch]") {
  for (const char* method : {"POST", "PUT"}) {
    const auto parsed = ParseTarget(Call(method, "/v1/x?a=b"));
    REQUIRE(parsed.ok());
    CHECK(parsed->verb == Verb::kUpdate);
    CHECK(parsed->data.object()->empty());
  }
}

TEST_CASE("a target that cannot be taken apart says why", "[dispatch]") {
  CHECK(ParseTarget(Call("BREW", "/v1/x")).status().code() == Code::kUnimplemented);
  CHECK(ParseTarget(Call("get", "/v1/x")).status().code() == Code::kUnimplemented);
  CHECK(ParseTarget(Call("GET", "/v2/x")).status().code() == Code::kNotFound);
  CHECK(ParseTarget(Call("GET", "")).status().code() == Code::kNotFound);
  CHECK(ParseTarget(Call("GET", "/v1/%2")).status().code() == Code::kInvalidArgument);
  CHECK(ParseTarget(Call("GET", "/v1/%zz")).status().code() == Code::kInvalidArgument);
  CHECK(ParseTarget(Call("GET", "/v1/x?a=%")).status().code() == Code::kInvalidArgument);
}

TEST_CASE("an empty body is an empty object", "[dispatch]") {
  for (const char* body : {"", " \n\t", "null", "{}"}) {
    const auto data = ParseBody(Post(body), {});
    REQUIRE(data.ok());
    CHECK(data->object()->empty());
  }
}

TEST_CASE("the content type decides only when the body does not look like JSON", "[dispatch]") {
  const std::string form = "application/x-www-form-urlencoded";
  CHECK(ToJson(*ParseBody(Post(R"({"a":1})"), {})) == R"({"a":1})");
  CHECK(ToJson(*ParseBody(Post(R"({"a":1})", "text/plain"), {})) == R"({"a":1})");
  CHECK(ToJson(*ParseBody(Post(R"( {"a":1})", form), {})) == R"({"a":1})");
  CHECK(ToJson(*ParseBody(Post("a=1&b=x%20y", form), {})) == R"({"a":"1","b":"x y"})");
  CHECK(ToJson(*ParseBody(Post("a=1&b&&a=2&a", form), {})) == R"({"a":["1","2",""],"b":""})");
  CHECK(ToJson(*ParseBody(Post("a=1", "Application/X-WWW-Form-Urlencoded; charset=utf-8"), {})) ==
        R"({"a":"1"})");
  CHECK_FALSE(ParseBody(Post("a=1"), {}).ok());
}

TEST_CASE("a form has no more values than JSON may have", "[dispatch]") {
  const std::string form = "application/x-www-form-urlencoded";
  std::string body;
  for (int i = 0; i < 1'000'000; ++i) body += "a&";
  CHECK(ParseBody(Post(body, form), {}).ok());
  CHECK(ParseBody(Post(body + "a", form), {}).status().code() == Code::kResourceExhausted);
}

TEST_CASE("a malformed body is an invalid argument that names JSON", "[dispatch]") {
  for (const char* body : {"{", R"({"a":})", "[]", "[1]", "1", "\"x\"", "true", "{}x"}) {
    INFO(body);
    const auto data = ParseBody(Post(body), {});
    REQUIRE_FALSE(data.ok());
    CHECK(data.status().code() == Code::kInvalidArgument);
    CHECK(std::string(data.status().message()).starts_with("error parsing JSON"));
  }
}

TEST_CASE("a body above the limit is refused before it is read", "[dispatch]") {
  RuntimeOptions options;
  options.max_body_bytes = 10;
  CHECK(ParseBody(Post(R"({"a":"b"})"), options).ok());
  CHECK(ParseBody(Post(R"({"a":"bcd"})"), options).status().code() == Code::kResourceExhausted);
}

TEST_CASE("ten megabytes of brackets are refused at the depth limit", "[dispatch]") {
  const auto data = ParseBody(Post(std::string(10'000'000, '[')), {});
  CHECK(data.status().code() == Code::kInvalidArgument);
  CHECK(data.status().message() == "error parsing JSON: nested deeper than 64 levels (offset 64)");
}

}  // namespace
}  // namespace plugreload::internal
