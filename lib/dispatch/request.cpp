#include "dispatch/request.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <map>
#include <utility>

#include "dispatch/text.hpp"

namespace plugreload::internal {
namespace {

constexpr std::string_view kPrefix = "/v1/";
// As many as JSON may have: each costs much more than its byte or two in the body.
constexpr std::size_t kMaxFormValues = 1'000'000;

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<Verb> ParseVerb(std::string_view method) {
  static constexpr std::array<std::pair<std::string_view, Verb>, 7> kVerbs = {
      {{"GET", Verb::kRead},
       {"HEAD", Verb::kHead},
       {"LIST", Verb::kList},
       {"POST", Verb::kUpdate},
       {"PUT", Verb::kUpdate},
       {"PATCH", Verb::kPatch},
       {"DELETE", Verb::kDelete}}};
  for (const auto& [name, verb] : kVerbs) {
    if (name == method) return verb;
  }
  return std::nullopt;
}

bool IsTrue(const Json* value) {
  if (value == nullptr || value->string() == nullptr) return false;
  static constexpr std::array<std::string_view, 6> kTrue = {"1", "t", "T", "true", "TRUE", "True"};
  return std::find(kTrue.begin(), kTrue.end(), *value->string()) != kTrue.end();
}

// curl -d says "form" whatever it sends: what begins like JSON is JSON.
bool IsForm(const Request& request) {
  std::string type(
      Trim(std::string_view(request.content_type).substr(0, request.content_type.find(';'))));
  for (char& c : type) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  const std::string_view body = Trim(request.body);
  return type == "application/x-www-form-urlencoded" && !body.starts_with('{') &&
         !body.starts_with('[');
}

Status BadRequest(std::string_view message) {
  return Status(Code::kInvalidArgument, "bad_request", message);
}

}  // namespace

bool Writes(Verb verb) { return verb == Verb::kUpdate || verb == Verb::kPatch; }

Operation OperationOf(Verb verb) {
  if (verb == Verb::kList) return Operation::kList;
  if (verb == Verb::kDelete) return Operation::kDelete;
  return Writes(verb) ? Operation::kUpdate : Operation::kRead;
}

std::optional<std::string> PercentDecode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const int high = HexDigit(text[i + 1]);
    const int low = HexDigit(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

Result<Json> ParseForm(std::string_view text) {
  Json::Object object;
  std::map<std::string, std::size_t, std::less<>> places;
  for (std::size_t count = 0; !text.empty(); ++count) {
    if (count == kMaxFormValues) {
      return Status(Code::kResourceExhausted, "body_too_large",
                    fmt::format("a form has more than {} values", kMaxFormValues));
    }
    const std::size_t end = text.find('&');
    std::string pair(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (pair.empty()) continue;
    std::replace(pair.begin(), pair.end(), '+', ' ');
    const std::size_t equals = pair.find('=');
    auto key = PercentDecode(std::string_view(pair).substr(0, equals));
    auto value = equals == std::string::npos
                     ? std::optional<std::string>("")
                     : PercentDecode(std::string_view(pair).substr(equals + 1));
    if (!key || !value) return Status(Code::kInvalidArgument, "form", "invalid percent-encoding");
    const auto [place, first] = places.emplace(*key, object.size());
    if (first) {
      object.push_back({std::move(*key), Json(std::move(*value))});
      continue;
    }
    Json& values = object[place->second].value;
    if (values.array() == nullptr) values = Json(Json::Array{std::move(values)});
    values.Add(Json(std::move(*value)));
  }
  return Json(std::move(object));
}

Result<ParsedRequest> ParseTarget(const Request& request) {
  ParsedRequest parsed;
  const auto verb = ParseVerb(request.method);
  if (!verb) return Status(Code::kUnimplemented, "method", "no such method");
  parsed.verb = *verb;

  std::string_view target = request.target;
  target = target.substr(0, target.find('#'));
  const std::size_t question = target.find('?');
  auto path = PercentDecode(target.substr(0, question));
  auto query = question == std::string_view::npos ? Result<Json>(Json(Json::Object{}))
                                                  : ParseForm(target.substr(question + 1));
  if (!path || !query.ok()) return BadRequest("invalid percent-encoding in the URL");
  if (!std::string_view(*path).starts_with(kPrefix)) {
    return Status(Code::kNotFound, "prefix", "not below /v1/");
  }
  parsed.path = path->substr(kPrefix.size());
  const bool list = parsed.verb == Verb::kRead && IsTrue(query->Find("list"));
  if (list) parsed.verb = Verb::kList;
  // `help` is of the protocol and not of an endpoint: never told to be unrecognised.
  std::erase_if(*query->object(), [&](const Json::Member& member) {
    return member.key == "help" || (list && member.key == "list");
  });
  parsed.data = Writes(parsed.verb) ? Json(Json::Object{}) : std::move(*query);
  return parsed;
}

Result<Json> ParseBody(const Request& request, const RuntimeOptions& options) {
  if (request.body.size() > options.max_body_bytes) {
    return Status(Code::kResourceExhausted, "body_too_large",
                  fmt::format("request body too large: {} bytes, the limit is {}",
                              request.body.size(), options.max_body_bytes));
  }
  if (Trim(request.body).empty()) return Json(Json::Object{});
  if (IsForm(request)) {
    auto form = ParseForm(request.body);
    if (!form.ok()) return form.status().WithContext("error parsing form data");
    return form;
  }
  JsonLimits limits;
  limits.max_depth = options.max_json_depth;
  limits.max_bytes = options.max_body_bytes;
  auto body = ParseJson(request.body, limits);
  if (!body.ok()) return body.status();
  if (body->is_null()) return Json(Json::Object{});
  if (body->object() == nullptr) {
    return BadRequest(fmt::format("error parsing JSON: expected an object, got {}", body->kind()));
  }
  return body;
}

}  // namespace plugreload::internal
