// base/utf8.hpp - what is UTF-8 and what is not.
#ifndef PLUGRELOAD_BASE_UTF8_HPP_
#define PLUGRELOAD_BASE_UTF8_HPP_

#include <cstddef>
#include <string_view>

namespace plugreload::internal {

// Bytes of the character at the beginning of `text`; 0 when it is none: overlong forms, surrogates
// and numbers above U+10FFFF are none. REQUIRES: not empty.
std::size_t Utf8CharacterBytes(std::string_view text);

// Whether all of it is UTF-8. What is not cannot be a key: documents are JSON, which has no other
// text, and would name something else.
bool IsUtf8(std::string_view text);

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_BASE_UTF8_HPP_
