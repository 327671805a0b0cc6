#include "launch/handshake.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace plugreload::internal {
namespace {

// Older plugins put other things, always shorter than a certificate, into its field.
constexpr std::size_t kLongestNonCertificate = 50;

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::vector<std::string_view> Fields(std::string_view line) {
  std::vector<std::string_view> fields;
  for (;;) {
    const std::size_t bar = line.find('|');
    fields.push_back(Trim(line.substr(0, bar)));
    if (bar == std::string_view::npos) return fields;
    line.remove_prefix(bar + 1);
  }
}

std::optional<int> Number(std::string_view text) {
  int value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

Status Invalid(std::string_view line, std::string_view why) {
  return Status(Code::kUnavailable, "handshake_invalid",
                fmt::format("its first line on stdout is no handshake ({}): \"{}\"", why,
                            Printable(line, 120)));
}

Status CheckAddress(std::string_view line, const HandshakeLine& parsed) {
  if (parsed.address.empty()) return Invalid(line, "no address");
  if (parsed.address.find('\0') != std::string::npos) return Invalid(line, "NUL in the address");
  if (parsed.network == "tcp") return {};
  if (parsed.network != "unix") return Invalid(line, "network is neither unix nor tcp");
  if (parsed.address.front() != '/') return Invalid(line, "socket path is not absolute");
  if (parsed.address.size() >= sizeof(sockaddr_un::sun_path)) {
    return Invalid(line, "socket path is too long");
  }
  return {};
}

}  // namespace

std::string Printable(std::string_view bytes, std::size_t limit) {
  std::string text(bytes.substr(0, limit));
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = '?';
  }
  if (bytes.size() > limit) text += "...";
  return text;
}

Result<HandshakeLine> ParseHandshake(std::string_view line, const std::vector<int>& versions,
                                     const std::vector<std::string>& protocols) {
  const std::vector<std::string_view> fields = Fields(line);
  if (fields.size() < 4) return Invalid(line, "fewer than four fields");
  const std::optional<int> core = Number(fields[0]);
  if (!core) return Invalid(line, "core version is no number");
  if (*core != 1) return Invalid(line, "core protocol version is not 1");
  const std::optional<int> version = Number(fields[1]);
  if (!version) return Invalid(line, "application version is no number");

  HandshakeLine parsed;
  parsed.version = *version;
  parsed.network = fields[2];
  parsed.address = fields[3];
  parsed.protocol = fields.size() > 4 && !fields[4].empty() ? fields[4] : "netrpc";
  if (fields.size() > 5 && fields[5].size() > kLongestNonCertificate) {
    parsed.certificate = fields[5];
  }
  if (Status status = CheckAddress(line, parsed); !status.ok()) return status;
  // A plugin that has no common version answers with one of its own all the same.
  if (std::find(versions.begin(), versions.end(), parsed.version) == versions.end()) {
    return Status(Code::kFailedPrecondition, "version_unsupported",
                  fmt::format("it speaks application protocol version {}, offered were [{}]",
                              parsed.version, fmt::join(versions, ", ")));
  }
  if (std::find(protocols.begin(), protocols.end(), parsed.protocol) == protocols.end()) {
    return Status(Code::kFailedPrecondition, "protocol_unsupported",
                  fmt::format("it speaks \"{}\", allowed here is [{}]",
                              Printable(parsed.protocol, 40), fmt::join(protocols, ", ")));
  }
  return parsed;
}

}  // namespace plugreload::internal
