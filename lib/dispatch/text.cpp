#include "dispatch/text.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <utility>

#include "base/utf8.hpp"

namespace plugreload::internal {
namespace {

constexpr double kMaxDurationMs = 10.0 * 365 * 24 * 3600 * 1000;

void AppendEscaped(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\a':
      out += "\\a";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\v':
      out += "\\v";
      return;
    default:
      break;
  }
  const auto byte = static_cast<unsigned char>(c);
  if (byte < 0x20 || byte >= 0x7f) {
    out += fmt::format("\\x{:02x}", byte);
  } else {
    out += c;
  }
}

// One number and its unit from the front of `text`, in milliseconds.
std::optional<double> TakeTerm(std::string_view& text) {
  const std::size_t digits = text.find_first_not_of("0123456789.");
  if (digits == 0 || digits == std::string_view::npos) return std::nullopt;
  double value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + digits, value, std::chars_format::fixed);
  if (error != std::errc() || end != text.data() + digits) return std::nullopt;
  text.remove_prefix(digits);
  static constexpr std::array<std::pair<std::string_view, double>, 7> kUnits = {
      {{"ns", 1e-6},
       {"us", 1e-3},
       {"\xc2\xb5s", 1e-3},
       {"ms", 1},
       {"s", 1e3},
       {"m", 6e4},
       {"h", 3.6e6}}};
  for (const auto& [unit, factor] : kUnits) {
    if (!text.starts_with(unit)) continue;
    text.remove_prefix(unit.size());
    return value * factor;
  }
  return std::nullopt;
}

}  // namespace

std::string Quote(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    const std::size_t size = Utf8CharacterBytes(text);
    if (size > 1) {
      out += text.substr(0, size);
    } else {
      AppendEscaped(out, text[0]);
    }
    text.remove_prefix(size > 1 ? size : 1);
  }
  return out + '"';
}

std::string_view Shortened(std::string_view text) { return text.substr(0, 200); }

std::string TimeText(std::int64_t unix_ms) {
  using namespace std::chrono;
  const sys_time<milliseconds> point{milliseconds(unix_ms)};
  const auto day = floor<days>(point);
  const year_month_day date{day};
  const hh_mm_ss<milliseconds> time{point - day};
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     time.hours().count(), time.minutes().count(), time.seconds().count(),
                     time.subseconds().count());
}

std::optional<Millis> ParseDuration(std::string_view text) {
  if (text.empty()) return std::nullopt;
  double total = 0;
  if (text.find_first_not_of("0123456789") == std::string_view::npos) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), total);
    if (error != std::errc()) return std::nullopt;
    total *= 1000;
    text = {};
  }
  while (!text.empty()) {
    const auto term = TakeTerm(text);
    if (!term) return std::nullopt;
    total += *term;
  }
  if (!(total <= kMaxDurationMs)) return std::nullopt;
  return Millis(static_cast<std::int64_t>(std::llround(total)));
}

std::string DurationText(Millis duration) {
  const std::int64_t ms = duration.count();
  return ms % 1000 == 0 ? fmt::format("{}s", ms / 1000) : fmt::format("{}ms", ms);
}

std::string Join(const std::vector<std::string>& words, std::string_view separator) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i != 0) out += separator;
    out += words[i];
  }
  return out;
}

std::string_view Trim(std::string_view text) {
  static constexpr std::string_view kSpace = " \t\r\n\v\f";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

}  // namespace plugreload::internal
