#include "registry/semver.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "plugreload/registry.hpp"

namespace plugreload::internal {
namespace {

constexpr std::size_t kMaxVersionBytes = 256;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsIdentifierCharacter(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '~';
}

std::vector<std::string_view> SplitDots(std::string_view text) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('.', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// nullopt: an identifier is empty or has another character.
std::optional<std::vector<std::string>> ParseIdentifiers(std::string_view text) {
  std::vector<std::string> identifiers;
  for (const std::string_view part : SplitDots(text)) {
    if (part.empty() || !std::all_of(part.begin(), part.end(), IsIdentifierCharacter)) {
      return std::nullopt;
    }
    identifiers.emplace_back(part);
  }
  return identifiers;
}

std::optional<std::vector<std::int64_t>> ParseNumbers(std::string_view text) {
  std::vector<std::int64_t> numbers;
  for (const std::string_view part : SplitDots(text)) {
    std::int64_t number = 0;
    const char* const end = part.data() + part.size();
    const auto [stop, error] = std::from_chars(part.data(), end, number);
    if (part.empty() || !IsDigit(part[0]) || error != std::errc() || stop != end) {
      return std::nullopt;
    }
    numbers.push_back(number);
  }
  while (numbers.size() < 3) numbers.push_back(0);
  return numbers;
}

Status Malformed(std::string_view text) {
  std::string shown(text.substr(0, kMaxVersionBytes));
  std::replace_if(
      shown.begin(), shown.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, '?');
  return Status(Code::kInvalidArgument, "invalid_version",
                fmt::format("version \"{}\" is not a valid semantic version: malformed version: {}",
                            shown, shown));
}

// Numbers of any length, without their leading zeros.
std::string_view Digits(std::string_view text) {
  while (text.size() > 1 && text[0] == '0') text.remove_prefix(1);
  return text;
}

std::strong_ordering CompareIdentifiers(std::string_view a, std::string_view b) {
  const bool a_number = std::all_of(a.begin(), a.end(), IsDigit);
  const bool b_number = std::all_of(b.begin(), b.end(), IsDigit);
  if (a_number != b_number) {
    return a_number ? std::strong_ordering::less : std::strong_ordering::greater;
  }
  if (!a_number) return a <=> b;
  const std::string_view a_digits = Digits(a), b_digits = Digits(b);
  if (a_digits.size() != b_digits.size()) return a_digits.size() <=> b_digits.size();
  return a_digits <=> b_digits;
}

std::strong_ordering ComparePrerelease(const Semver& a, const Semver& b) {
  if (a.prerelease.empty() || b.prerelease.empty()) {
    return a.prerelease.empty() <=> b.prerelease.empty();
  }
  for (std::size_t i = 0; i < std::min(a.prerelease.size(), b.prerelease.size()); ++i) {
    const auto order = CompareIdentifiers(a.prerelease[i], b.prerelease[i]);
    if (order != std::strong_ordering::equal) return order;
  }
  return a.prerelease.size() <=> b.prerelease.size();
}

}  // namespace

Result<Semver> Semver::Parse(std::string_view text) {
  if (text.size() > kMaxVersionBytes) return Malformed(text);
  std::string_view rest = text;
  if (rest.starts_with('v')) rest.remove_prefix(1);
  Semver version;
  if (const std::size_t plus = rest.find('+'); plus != std::string_view::npos) {
    auto metadata = ParseIdentifiers(rest.substr(plus + 1));
    if (!metadata) return Malformed(text);
    version.metadata = *std::move(metadata);
    rest = rest.substr(0, plus);
  }
  if (const std::size_t dash = rest.find('-'); dash != std::string_view::npos) {
    auto prerelease = ParseIdentifiers(rest.substr(dash + 1));
    if (!prerelease) return Malformed(text);
    version.prerelease = *std::move(prerelease);
    rest = rest.substr(0, dash);
  }
  auto numbers = ParseNumbers(rest);
  if (!numbers) return Malformed(text);
  version.numbers = *std::move(numbers);
  return version;
}

std::string Semver::ToString() const {
  std::string text = fmt::format("v{}", fmt::join(numbers, "."));
  if (!prerelease.empty()) text += fmt::format("-{}", fmt::join(prerelease, "."));
  if (!metadata.empty()) text += fmt::format("+{}", fmt::join(metadata, "."));
  return text;
}

bool Semver::HasMetadata(std::string_view identifier) const {
  return std::find(metadata.begin(), metadata.end(), identifier) != metadata.end();
}

std::strong_ordering ComparePrecedence(const Semver& a, const Semver& b) {
  for (std::size_t i = 0; i < std::max(a.numbers.size(), b.numbers.size()); ++i) {
    const std::int64_t left = i < a.numbers.size() ? a.numbers[i] : 0;
    const std::int64_t right = i < b.numbers.size() ? b.numbers[i] : 0;
    if (left != right) return left <=> right;
  }
  return ComparePrerelease(a, b);
}

bool VersionLess::operator()(std::string_view a, std::string_view b) const {
  if (a.empty() || b.empty()) return a.empty() && !b.empty();
  const auto left = Semver::Parse(a), right = Semver::Parse(b);
  // A foreign writer may have put another text into the store: it sorts behind all versions.
  if (!left.ok() || !right.ok()) return left.ok() != right.ok() ? left.ok() : a < b;
  const auto order = ComparePrecedence(*left, *right);
  return order == std::strong_ordering::equal ? a < b : order == std::strong_ordering::less;
}

}  // namespace plugreload::internal

namespace plugreload {

Result<std::string> CanonicalVersion(std::string_view text) {
  const auto version = internal::Semver::Parse(text);
  if (!version.ok()) return version.status();
  return version->ToString();
}

}  // namespace plugreload
