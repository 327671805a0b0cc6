#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <system_error>

#include "support/plugins.hpp"

namespace plugreload::test {
namespace {

class Socket {
 public:
  explicit Socket(int family)
      : fd_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {}
  ~Socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

bool WaitFor(int fd, short events, Deadline deadline) {
  const auto left = std::chrono::duration_cast<Millis>(deadline - std::chrono::steady_clock::now());
  pollfd entry{fd, events, 0};
  return left.count() > 0 && ::poll(&entry, 1, static_cast<int>(left.count())) == 1;
}

std::string Failure(const char* step) {
  return std::string(step) + ": " + std::generic_category().message(errno);
}

std::string Connect(int fd, std::string_view endpoint, Deadline deadline) {
  sockaddr_storage storage{};
  socklen_t size = 0;
  if (endpoint.starts_with("unix:")) {
    const std::string path(endpoint.substr(5));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) return "path of the socket is too long: " + path;
    std::memcpy(address.sun_path, path.data(), path.size());
    std::memcpy(&storage, &address, sizeof(address));
    size = sizeof(address);
  } else {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(
        std::atoi(std::string(endpoint.substr(endpoint.rfind(':') + 1)).c_str())));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    std::memcpy(&storage, &address, sizeof(address));
    size = sizeof(address);
  }
  // A unix socket whose backlog is full says EAGAIN, and only trying again helps.
  while (::connect(fd, reinterpret_cast<const sockaddr*>(&storage), size) != 0) {
    if (errno == EINPROGRESS) {
      return WaitFor(fd, POLLOUT, deadline) ? "" : "connect: no answer in time";
    }
    if (errno != EAGAIN || std::chrono::steady_clock::now() >= deadline) return Failure("connect");
    // lint: allow-sleep nothing tells when a backlog has room; the deadline above ends it.
    ::poll(nullptr, 0, 1);
  }
  return "";
}

std::string SendAll(int fd, std::string_view data, Deadline deadline) {
  while (!data.empty()) {
    const ssize_t sent = ::send(fd, data.data(), data.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      data.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno != EAGAIN || !WaitFor(fd, POLLOUT, deadline)) {
      return Failure("send");
    }
  }
  return "";
}

// Reads until the peer closes: every request says "Connection: close".
std::string ReceiveAll(int fd, std::string& text, Deadline deadline) {
  std::array<char, 16'384> buffer;
  for (;;) {
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got == 0) return "";
    if (got > 0) {
      text.append(buffer.data(), static_cast<std::size_t>(got));
    } else if (errno != EAGAIN) {
      return Failure("recv");
    } else if (!WaitFor(fd, POLLIN, deadline)) {
      return "recv: no answer in time";
    }
  }
}

}  // namespace

HttpAnswer HttpCall(std::string_view endpoint, std::string_view method, std::string_view path,
                    std::string_view body, Millis timeout) {
  const Deadline deadline = After(timeout);
  const Socket socket(endpoint.starts_with("unix:") ? AF_UNIX : AF_INET);
  HttpAnswer answer;
  answer.error = Connect(socket.fd(), endpoint, deadline);
  if (!answer.error.empty()) return answer;
  std::string request = std::string(method) + " " + std::string(path) +
                        " HTTP/1.1\r\nHost: plugin\r\nConnection: close\r\nContent-Length: " +
                        std::to_string(body.size()) + "\r\n\r\n";
  request += body;
  answer.error = SendAll(socket.fd(), request, deadline);
  if (!answer.error.empty()) return answer;
  std::string text;
  answer.error = ReceiveAll(socket.fd(), text, deadline);
  const std::size_t split = text.find("\r\n\r\n");
  if (!text.starts_with("HTTP/1.") || split == std::string::npos) {
    if (answer.error.empty()) answer.error = "not an HTTP answer: " + text;
    return answer;
  }
  answer.head = text.substr(0, split);
  answer.body = text.substr(split + 4);
  answer.status = std::atoi(answer.head.c_str() + answer.head.find(' '));
  return answer;
}

HttpAnswer HttpGet(std::string_view endpoint, std::string_view path, Millis timeout) {
  return HttpCall(endpoint, "GET", path, "", timeout);
}

}  // namespace plugreload::test
