// launch/handshake.hpp - the one line with which a plugin says where it listens.
#ifndef PLUGRELOAD_LAUNCH_HANDSHAKE_HPP_
#define PLUGRELOAD_LAUNCH_HANDSHAKE_HPP_

#include <string>
#include <string_view>
#include <vector>

#include "plugreload/status.hpp"

namespace plugreload::internal {

// CORE|APP|NETWORK|ADDRESS|PROTOCOL|SERVERCERT|MUX; the last three may be absent, and what comes
// after them is ignored.
struct HandshakeLine {
  int version = 0;          // of the application protocol: one of the offered
  std::string network;      // "unix" or "tcp"
  std::string address;      // absolute path, or host:port
  std::string protocol;     // one of the allowed; "netrpc" when the plugin named none
  std::string certificate;  // base64 of its TLS certificate; empty: none
};

// `line` without its newline. Errors by reason: "handshake_invalid", "version_unsupported",
// "protocol_unsupported".
Result<HandshakeLine> ParseHandshake(std::string_view line, const std::vector<int>& versions,
                                     const std::vector<std::string>& protocols);

// At most `limit` bytes of anything, fit for a message of one line.
std::string Printable(std::string_view bytes, std::size_t limit);

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_LAUNCH_HANDSHAKE_HPP_
