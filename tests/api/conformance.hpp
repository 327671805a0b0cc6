// api/conformance.hpp - tables of requests with the answers that Vault's reference asks for.
#ifndef PLUGRELOAD_TESTS_API_CONFORMANCE_HPP_
#define PLUGRELOAD_TESTS_API_CONFORMANCE_HPP_

#include <string>
#include <string_view>
#include <vector>

#include "api/server.hpp"

namespace plugreload::test {

// One row: a request, its status, and its body. In the body <id> stands for the request id, and
// <..> for anything.
struct Row {
  Line line;
  int status;
  std::string body;
};

inline bool Like(std::string_view text, std::string_view pattern) {
  static constexpr std::string_view kAnything = "<..>";
  bool first = true;
  for (;;) {
    const std::size_t end = pattern.find(kAnything);
    const std::string_view part = pattern.substr(0, end);
    if (end == std::string_view::npos) {
      return first ? text == part : text.ends_with(part);
    }
    const std::size_t at = text.find(part);
    if (at == std::string_view::npos || (first && at != 0)) return false;
    text.remove_prefix(at + part.size());
    pattern.remove_prefix(end + kAnything.size());
    first = false;
  }
}

// The rows one after the other, on the same server.
inline void CheckRows(Server& server, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    const std::string body = server.Body(row.line, row.status);
    if (Like(body, row.body)) continue;
    INFO(row.line.method << " " << row.line.target << " ns=" << row.line.ns << " "
                         << row.line.body.substr(0, 200));
    CHECK(body == row.body);
  }
}

inline const std::string kNoPath = Multi("unsupported path");
inline const std::string kNoOperation = Multi("unsupported operation");
inline const std::string kSlash = Errors("cannot write to a path ending in '/'");
inline const std::string kForm = "application/x-www-form-urlencoded";
// An answer without data.
inline const std::string kEmpty = Envelope("null");

// Vault's 202, which is serialised before the mount type is known.
inline std::string Early(std::string_view data, std::string_view warnings = "null") {
  std::string text = Envelope(data, warnings);
  const std::string_view end = "\"mount_type\":\"system\"}\n";
  return text.substr(0, text.size() - end.size()) + "\"mount_type\":\"\"}";
}

// What a failed reload answers: Vault's errors, and behind them what we add.
inline std::string Failed(const std::vector<std::string>& errors) {
  std::string text = "{\"errors\":[\"" + std::to_string(errors.size()) + " error" +
                     (errors.size() == 1 ? "" : "s") + " occurred:\\n";
  for (const std::string& error : errors) text += "\\t* " + Escaped(error) + "\\n";
  return text + "\\n\"],\"data\":{\"reload_id\":<..>}}\n";
}

}  // namespace plugreload::test

#endif  // PLUGRELOAD_TESTS_API_CONFORMANCE_HPP_
