// launch/endpoint.hpp - does the plugin listen where it says, and is it the plugin?
#ifndef PLUGRELOAD_LAUNCH_ENDPOINT_HPP_
#define PLUGRELOAD_LAUNCH_ENDPOINT_HPP_

#include <sys/types.h>

#include <stop_token>
#include <string>

#include "launch/handshake.hpp"
#include "plugreload/status.hpp"
#include "plugreload/types.hpp"

namespace plugreload::internal {

// "unix:/path", "tcp:127.0.0.1:1234".
std::string EndpointText(const HandshakeLine& line);

// Connects once and hangs up. A unix socket must have been bound by `child` or a process of its
// group; of TCP only loopback is accepted, and who listens cannot be told. Errors by reason:
// "endpoint_unreachable", "peer_mismatch", "handshake_invalid" (not loopback), "cancelled".
Status CheckEndpoint(const HandshakeLine& line, pid_t child, Deadline deadline,
                     const std::stop_token& cancel);

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_LAUNCH_ENDPOINT_HPP_
