#include <string>

#include "dispatch/respond.hpp"
#include "support/catch.hpp"

namespace plugreload::internal {
namespace {

TEST_CASE("an answer has Vault's envelope in Vault's order", "[dispatch]") {
  Reply reply = Data(Json::Object{{"reload_id", "id"}});
  const Response response = ToResponse(reply, "id");
  CHECK(response.status == 200);
  CHECK(response.body ==
        R"({"request_id":"id","lease_id":"","renewable":false,"lease_duration":0,)"
        R"("data":{"reload_id":"id"},"wrap_info":null,"warnings":null,"auth":null,)"
        R"("mount_type":"system"})"
        "\n");
}

TEST_CASE("an early answer has no mount type and no newline", "[dispatch]") {
  Reply reply = Data(Json::Object{{"a", 1}});
  reply.status = 202;
  reply.layout = Layout::kEarly;
  reply.warnings = {"w"};
  const std::string body = ToResponse(reply, "id").body;
  CHECK(body.ends_with(R"("warnings":["w"],"auth":null,"mount_type":""})"));
}

TEST_CASE("a legacy answer repeats its data at top level", "[dispatch]") {
  Reply reply = Data(Json::Object{{"kv/", Json::Object{}}});
  reply.layout = Layout::kLegacy;
  const std::string body = ToResponse(reply, "id").body;
  CHECK(body.starts_with(R"({"kv/":{},"request_id":"id")"));
  CHECK(body.find(R"("data":{"kv/":{}})") != std::string::npos);
}

TEST_CASE("nothing to say is 204 without a body, a warning makes it 200", "[dispatch]") {
  CHECK(ToResponse(Done(), "id").status == 204);
  CHECK(ToResponse(Done(), "id").body.empty());
  CHECK(ToResponse(Done({"w"}), "id").status == 200);
  CHECK(ToResponse(Done({"w"}), "id").body.find(R"("data":null)") != std::string::npos);
}

TEST_CASE("errors have Vault's two forms", "[dispatch]") {
  CHECK(ToResponse(Refuse(400, "plain"), "id").body == "{\"errors\":[\"plain\"]}\n");
  CHECK(ToResponse(NotThere(), "id").body == "{\"errors\":[]}\n");
  CHECK(ToResponse(UnsupportedPath(), "id").body ==
        "{\"errors\":[\"1 error occurred:\\n\\t* unsupported path\\n\\n\"]}\n");
  CHECK(MultiError({"a", "b"}) == "2 errors occurred:\n\t* a\n\t* b\n\n");
  Reply partial = Fail(500, {"a"});
  partial.data = Json::Object{{"reload_id", "id"}};
  CHECK(ToResponse(partial, "id").body ==
        "{\"errors\":[\"1 error occurred:\\n\\t* a\\n\\n\"],\"data\":{\"reload_id\":\"id\"}}\n");
}

TEST_CASE("a status becomes the status code of who is to act on it", "[dispatch]") {
  CHECK(FromStatus(Status(Code::kInvalidArgument, "r", "m")).status == 400);
  CHECK(FromStatus(Status(Code::kNotFound, "r", "m")).status == 404);
  CHECK(FromStatus(Status(Code::kFailedPrecondition, "closed", "m")).status == 503);
  CHECK(FromStatus(Status(Code::kFailedPrecondition, "r", "m")).status == 400);
  CHECK(FromStatus(Status(Code::kResourceExhausted, "r", "m")).status == 503);
  CHECK(FromStatus(Status(Code::kUnknown, "r", "m")).status == 500);
}

}  // namespace
}  // namespace plugreload::internal
