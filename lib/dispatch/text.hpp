// dispatch/text.hpp - small texts of the API: quotes, times and durations as Vault writes them.
#ifndef PLUGRELOAD_DISPATCH_TEXT_HPP_
#define PLUGRELOAD_DISPATCH_TEXT_HPP_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugreload/types.hpp"

namespace plugreload::internal {

// The text in double quotes; quotes, backslashes, control characters and bytes that are not UTF-8
// are escaped. Clients match on texts with such quotes in them.
std::string Quote(std::string_view text);

// What a message quotes of a text that may be long: 200 bytes at most.
std::string_view Shortened(std::string_view text);

// "2026-01-02T03:04:05.678Z".
std::string TimeText(std::int64_t unix_ms);

// "10s", "1m30s", "500ms", "1.5h", or whole seconds: "10". nullopt for anything else, for a
// negative duration and for one above ten years.
std::optional<Millis> ParseDuration(std::string_view text);
// "10s" or "1500ms"; ParseDuration reads it back.
std::string DurationText(Millis duration);

// "a, b, c".
std::string Join(const std::vector<std::string>& words, std::string_view separator);

// Without leading and trailing ASCII white space.
std::string_view Trim(std::string_view text);

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_DISPATCH_TEXT_HPP_
