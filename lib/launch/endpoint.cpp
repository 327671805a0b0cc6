#include "launch/endpoint.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>

#include "os/fd.hpp"

namespace plugreload::internal {
namespace {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

Status NotLoopback(const std::string& address) {
  return Status(Code::kUnavailable, "handshake_invalid",
                fmt::format("its tcp address \"{}\" is not a loopback address with a port",
                            Printable(address, 80)));
}

Address UnixAddress(const std::string& path) {
  Address address;
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  path.copy(un.sun_path, sizeof(un.sun_path) - 1);
  std::memcpy(&address.storage, &un, sizeof(un));
  address.size = sizeof(un);
  return address;
}

// Numbers only: a name would have to be looked up, and could be anybody.
Result<Address> TcpAddress(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return NotLoopback(text);
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + colon + 1, end, port);
  if (parsed.ec != std::errc() || parsed.ptr != end || port == 0) return NotLoopback(text);
  Address address;
  sockaddr_in in{};
  sockaddr_in6 in6{};
  if (inet_pton(AF_INET, host.c_str(), &in.sin_addr) == 1 &&
      (ntohl(in.sin_addr.s_addr) >> 24) == 127) {
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    std::memcpy(&address.storage, &in, sizeof(in));
    address.size = sizeof(in);
    return address;
  }
  if (inet_pton(AF_INET6, host.c_str(), &in6.sin6_addr) == 1 &&
      IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr)) {
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(port);
    std::memcpy(&address.storage, &in6, sizeof(in6));
    address.size = sizeof(in6);
    return address;
  }
  return NotLoopback(text);
}

Status Unreachable(const HandshakeLine& line, int error) {
  return Status(Code::kUnavailable, "endpoint_unreachable",
                fmt::format("it says it listens on {}, connecting to that fails: {}",
                            Printable(EndpointText(line), 160), ErrnoText(error)));
}

// Short slices, so that a cancel is noticed.
Status WaitConnected(const Fd& socket, const HandshakeLine& line, Deadline deadline,
                     const std::stop_token& cancel) {
  while (std::chrono::steady_clock::now() < deadline) {
    if (cancel.stop_requested()) {
      return Status(Code::kCancelled, "cancelled", "cancelled while connecting to it");
    }
    pollfd writable{socket.get(), POLLOUT, 0};
    if (poll(&writable, 1, 10) != 1) continue;
    int error = 0;
    socklen_t size = sizeof(error);
    getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    return error == 0 ? Status() : Unreachable(line, error);
  }
  return Unreachable(line, ETIMEDOUT);
}

Status Connect(const Fd& socket, const Address& address, const HandshakeLine& line,
               Deadline deadline, const std::stop_token& cancel) {
  for (;;) {
    if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size) ==
        0) {
      return {};
    }
    const int error = errno;
    if (error == EINPROGRESS) return WaitConnected(socket, line, deadline, cancel);
    // EAGAIN: the backlog of a unix socket is full, and nothing tells when it no longer is.
    if (error != EAGAIN && error != EINTR) return Unreachable(line, error);
    if (cancel.stop_requested()) {
      return Status(Code::kCancelled, "cancelled", "cancelled while connecting to it");
    }
    if (std::chrono::steady_clock::now() >= deadline) return Unreachable(line, ETIMEDOUT);
    // lint: allow-sleep see above
    poll(nullptr, 0, 5);
  }
}

Status CheckPeer(const Fd& socket, const HandshakeLine& line, pid_t child) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return Unreachable(line, errno);
  }
  if (peer.pid == child || (peer.pid > 0 && getpgid(peer.pid) == child)) return {};
  return Status(Code::kPermissionDenied, "peer_mismatch",
                fmt::format("the socket {} belongs to process {} of user {}, not to the plugin "
                            "(process {}) or its group",
                            Printable(EndpointText(line), 160), peer.pid, peer.uid, child));
}

}  // namespace

std::string EndpointText(const HandshakeLine& line) { return line.network + ":" + line.address; }

Status CheckEndpoint(const HandshakeLine& line, pid_t child, Deadline deadline,
                     const std::stop_token& cancel) {
  const bool is_unix = line.network == "unix";
  Result<Address> address =
      is_unix ? Result<Address>(UnixAddress(line.address)) : TcpAddress(line.address);
  if (!address.ok()) return address.status();
  const Fd socket(
      ::socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket.valid()) {
    return Status(Code::kResourceExhausted, "endpoint_unreachable",
                  "cannot make a socket: " + ErrnoText(errno));
  }
  Status status = Connect(socket, *address, line, deadline, cancel);
  if (!status.ok() || !is_unix) return status;
  return CheckPeer(socket, line, child);
}

}  // namespace plugreload::internal
