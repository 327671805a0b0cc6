// http/json_text.hpp - just enough JSON to write an answer.
#ifndef EXAMPLES_HTTP_JSON_TEXT_HPP_
#define EXAMPLES_HTTP_JSON_TEXT_HPP_

#include <string>
#include <string_view>

namespace example {

// The text in quotes, with what JSON forbids escaped.
std::string Quote(std::string_view text);
// Whether the bytes are UTF-8, which is what a JSON string holds.
bool IsUtf8(std::string_view text);
// {"errors":["..."]}, as Vault answers.
std::string ErrorBody(std::string_view message);

}  // namespace example

#endif  // EXAMPLES_HTTP_JSON_TEXT_HPP_
