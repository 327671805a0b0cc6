// dispatch/respond.hpp - what a handler answers, and how that looks on the wire.
#ifndef PLUGRELOAD_DISPATCH_RESPOND_HPP_
#define PLUGRELOAD_DISPATCH_RESPOND_HPP_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "json/json.hpp"
#include "plugreload/dispatch.hpp"
#include "plugreload/status.hpp"

namespace plugreload::internal {

// How the data of an answer is laid out. kEnvelope: under "data" with Vault's keys around it.
// kLegacy: the same, its members also at top level. kEarly: Vault's 202, serialised before the
// mount type and the framework's warnings are known. kBare: the data is the body. kText: its string
// is, as text for Prometheus.
enum class Layout { kEnvelope, kLegacy, kEarly, kBare, kText };

struct Reply {
  int status = 200;
  Layout layout = Layout::kEnvelope;
  Json data;
  std::vector<std::string> warnings;
  // Not empty, or a status of 400 and above: an error. Its data is an addition to Vault's body.
  std::vector<std::string> errors;
};

Reply Data(Json data);
// 204; 200 with the warnings when there are any.
Reply Done(std::vector<std::string> warnings = {});
// `{"errors":["text"]}`, as Vault answers for what a handler refuses.
Reply Refuse(int status, std::string text);
// `{"errors":["N errors occurred:\n\t* ...\n\n"]}`, as Vault answers for what fails inside.
Reply Fail(int status, const std::vector<std::string>& errors);
// `{"errors":[]}`.
Reply NotThere();
Reply UnsupportedPath();
Reply UnsupportedOperation();
// By the code: what the caller got wrong is refused with 400 or 404, the rest failed.
Reply FromStatus(const Status& status);

// "1 error occurred:\n\t* text\n\n".
std::string MultiError(const std::vector<std::string>& errors);

Response ToResponse(const Reply& reply, std::string_view request_id);

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_DISPATCH_RESPOND_HPP_
