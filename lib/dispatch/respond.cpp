#include "dispatch/respond.hpp"

#include <fmt/format.h>

#include <utility>

namespace plugreload::internal {
namespace {

int HttpStatus(const Status& status) {
  switch (status.code()) {
    case Code::kInvalidArgument:
    case Code::kAlreadyExists:
    case Code::kOutOfRange:
      return 400;
    case Code::kFailedPrecondition:
      return status.reason() == "closed" || status.reason() == "forked" ? 503 : 400;
    case Code::kNotFound:
      return 404;
    case Code::kAborted:
      return 409;
    case Code::kResourceExhausted:
    case Code::kUnavailable:
      return 503;
    default:
      return 500;
  }
}

Json Envelope(const Reply& reply, std::string_view request_id) {
  Json::Object body;
  if (reply.layout == Layout::kLegacy && reply.data.object() != nullptr) {
    body = *reply.data.object();
  }
  body.push_back({"request_id", Json(request_id)});
  body.push_back({"lease_id", Json("")});
  body.push_back({"renewable", Json(false)});
  body.push_back({"lease_duration", Json(0)});
  body.push_back({"data", reply.data});
  body.push_back({"wrap_info", Json()});
  body.push_back({"warnings", reply.warnings.empty() ? Json() : Json(reply.warnings)});
  body.push_back({"auth", Json()});
  body.push_back({"mount_type", Json(reply.layout == Layout::kEarly ? "" : "system")});
  return Json(std::move(body));
}

}  // namespace

Reply Data(Json data) {
  Reply reply;
  reply.data = std::move(data);
  return reply;
}

Reply Done(std::vector<std::string> warnings) {
  Reply reply;
  reply.status = warnings.empty() ? 204 : 200;
  reply.warnings = std::move(warnings);
  return reply;
}

Reply Refuse(int status, std::string text) {
  Reply reply;
  reply.status = status;
  reply.errors.push_back(std::move(text));
  return reply;
}

Reply Fail(int status, const std::vector<std::string>& errors) {
  return Refuse(status, MultiError(errors));
}

Reply NotThere() {
  Reply reply;
  reply.status = 404;
  return reply;
}

Reply UnsupportedPath() { return Fail(404, {"unsupported path"}); }
Reply UnsupportedOperation() { return Fail(405, {"unsupported operation"}); }

Reply FromStatus(const Status& status) {
  const int http = HttpStatus(status);
  const std::string text(status.message());
  return http < 500 ? Refuse(http, text) : Fail(http, {text});
}

std::string MultiError(const std::vector<std::string>& errors) {
  std::string text =
      fmt::format("{} error{} occurred:\n", errors.size(), errors.size() == 1 ? "" : "s");
  for (const std::string& error : errors) text += "\t* " + error + "\n";
  return text + "\n";
}

Response ToResponse(const Reply& reply, std::string_view request_id) {
  Response response;
  response.status = reply.status;
  if (reply.status == 204) return response;
  if (!reply.errors.empty() || reply.status >= 400) {
    Json body(Json::Object{{"errors", Json(reply.errors)}});
    if (!reply.data.is_null()) body.Set("data", reply.data);
    response.body = ToJson(body) + "\n";
  } else if (reply.layout == Layout::kText) {
    response.body = *reply.data.string();
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  } else if (reply.layout == Layout::kBare) {
    response.body = ToJson(reply.data) + "\n";
  } else {
    response.body = ToJson(Envelope(reply, request_id));
    if (reply.layout != Layout::kEarly) response.body += "\n";
  }
  return response;
}

}  // namespace plugreload::internal
