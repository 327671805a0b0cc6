// dispatch/request.hpp - takes a request apart: verb, path, query and body.
#ifndef PLUGRELOAD_DISPATCH_REQUEST_HPP_
#define PLUGRELOAD_DISPATCH_REQUEST_HPP_

#include <optional>
#include <string>
#include <string_view>

#include "json/json.hpp"
#include "plugreload/dispatch.hpp"
#include "plugreload/host.hpp"
#include "plugreload/runtime.hpp"
#include "plugreload/status.hpp"

namespace plugreload::internal {

// What a method asks for. POST and PUT are the same; GET with ?list=true is a list.
enum class Verb { kRead, kHead, kList, kUpdate, kPatch, kDelete };

// True for the verbs that carry a body.
bool Writes(Verb verb);
Operation OperationOf(Verb verb);

struct ParsedRequest {
  Verb verb = Verb::kRead;
  std::string path;  // below /v1/, percent-decoded once
  Json data;         // always an object: the body of a write, the query of everything else
};

// The verb, path and query of a request, without its body. Errors carry the HTTP status that the
// caller answers: kUnimplemented "method" 405, kNotFound "prefix" 404 (it is not below /v1/),
// kInvalidArgument 400.
Result<ParsedRequest> ParseTarget(const Request& request);

// The body of a write: JSON (also without a content type), a form, or nothing. kInvalidArgument
// 400, kResourceExhausted 413.
Result<Json> ParseBody(const Request& request, const RuntimeOptions& options);

// "a=1&b=x+y" as an object of strings; a name given more than once is an array of its values, as
// in Vault. kInvalidArgument "form" when an escape is malformed, kResourceExhausted
// "body_too_large" above a million values.
Result<Json> ParseForm(std::string_view text);

// What is percent-encoded decoded once; nullopt when an escape is malformed.
std::optional<std::string> PercentDecode(std::string_view text);

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_DISPATCH_REQUEST_HPP_
