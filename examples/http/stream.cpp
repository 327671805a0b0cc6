#include "http/stream.hpp"

#include <arpa/inet.h>
#include <boost/asio/error.hpp>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace example {
namespace {

error_code Errno() { return error_code(errno, boost::system::system_category()); }

[[noreturn]] void Fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::system_category().message(errno));
}

int PollTimeout(Clock::time_point deadline) {
  const Clock::time_point now = Clock::now();
  if (deadline == Clock::time_point::max()) return -1;
  if (deadline <= now) return 0;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - now).count();
  return static_cast<int>(std::min<std::int64_t>(left, 3'600'000));
}

// "127.0.0.1:8200". Numbers only: nothing here looks up names.
bool ParseTcp(std::string_view address, sockaddr_in& out) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view port = address.substr(colon + 1);
  std::uint16_t number = 0;
  const auto parsed = std::from_chars(port.data(), port.data() + port.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != port.data() + port.size()) return false;
  out = {};
  out.sin_family = AF_INET;
  out.sin_port = htons(number);
  return inet_pton(AF_INET, std::string(address.substr(0, colon)).c_str(), &out.sin_addr) == 1;
}

bool FillUnix(std::string_view path, sockaddr_un& out) {
  out = {};
  out.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(out.sun_path)) return false;
  std::memcpy(out.sun_path, path.data(), path.size());
  return true;
}

void NoDelay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

}  // namespace

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) close(fd_);
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

Fd::~Fd() {
  if (fd_ >= 0) close(fd_);
}

StopEvent::StopEvent() : fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!fd_) Fail("eventfd");
}

void StopEvent::Set() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto size = write(fd_.get(), &one, sizeof(one));
}

bool StopEvent::IsSet() const {
  pollfd entry{fd_.get(), POLLIN, 0};
  return poll(&entry, 1, 0) > 0;
}

Ready WaitReadable(int fd, int wake_fd, Clock::time_point deadline) {
  pollfd entries[2] = {{fd, POLLIN, 0}, {wake_fd, POLLIN, 0}};
  for (;;) {
    const int count = poll(entries, 2, PollTimeout(deadline));
    if (count > 0) return entries[0].revents != 0 ? Ready::kReadable : Ready::kWoken;
    if (count == 0 && Clock::now() >= deadline) return Ready::kTimeout;
    if (count < 0 && errno != EINTR) Fail("poll");
  }
}

Stream Stream::Connect(std::string_view endpoint, Clock::time_point deadline, error_code& error) {
  sockaddr_storage storage{};
  socklen_t size = 0;
  bool known = false;
  if (endpoint.starts_with("unix:")) {
    known = FillUnix(endpoint.substr(5), reinterpret_cast<sockaddr_un&>(storage));
    size = sizeof(sockaddr_un);
  } else if (endpoint.starts_with("tcp:")) {
    known = ParseTcp(endpoint.substr(4), reinterpret_cast<sockaddr_in&>(storage));
    size = sizeof(sockaddr_in);
  }
  if (!known) {
    error = boost::asio::error::invalid_argument;
    return Stream(Fd());
  }
  Stream stream(Fd(socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
  stream.ExpireAt(deadline);
  error = {};
  while (connect(stream.fd(), reinterpret_cast<sockaddr*>(&storage), size) != 0) {
    if (errno == EINPROGRESS) {
      if (!stream.WaitFor(POLLOUT, error)) break;
      int result = 0;
      socklen_t length = sizeof(result);
      getsockopt(stream.fd(), SOL_SOCKET, SO_ERROR, &result, &length);
      error = error_code(result, boost::system::system_category());
      break;
    }
    // A unix socket whose backlog is full says EAGAIN, and cannot be polled for room.
    if (errno != EAGAIN || Clock::now() >= deadline) {
      error = Errno();
      break;
    }
    poll(nullptr, 0, 1);
  }
  if (storage.ss_family == AF_INET) NoDelay(stream.fd());
  return stream;
}

void Stream::Abort() { shutdown(fd_.get(), SHUT_RDWR); }

bool Stream::WaitFor(short events, error_code& error) const {
  pollfd entry{fd_.get(), events, 0};
  for (;;) {
    const int count = poll(&entry, 1, PollTimeout(deadline_));
    if (count > 0) return true;
    if (count < 0 && errno != EINTR) {
      error = Errno();
      return false;
    }
    if (Clock::now() >= deadline_) {
      error = boost::asio::error::timed_out;
      return false;
    }
  }
}

std::size_t Stream::Read(void* data, std::size_t size, error_code& error) {
  error = {};
  for (;;) {
    const ssize_t count = recv(fd_.get(), data, size, MSG_DONTWAIT);
    if (count > 0) return static_cast<std::size_t>(count);
    if (count == 0) {
      error = boost::asio::error::eof;
      return 0;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) {
      error = Errno();
      return 0;
    }
    if (!WaitFor(POLLIN, error)) return 0;
  }
}

std::size_t Stream::Write(iovec* parts, std::size_t count, error_code& error) {
  error = {};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = count;
  while (count > 0) {
    const ssize_t sent = sendmsg(fd_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) {
      written_ += static_cast<std::uint64_t>(sent);
      return static_cast<std::size_t>(sent);
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) {
      error = Errno();
      return 0;
    }
    if (!WaitFor(POLLOUT, error)) return 0;
  }
  return 0;
}

Fd ListenTcp(std::string& address) {
  sockaddr_in name{};
  if (!ParseTcp(address, name)) throw std::runtime_error(address + ": not an address and a port");
  Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  NoDelay(fd.get());  // inherited by what is accepted
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&name), sizeof(name)) != 0) Fail(address);
  if (listen(fd.get(), 1024) != 0) Fail(address);
  socklen_t size = sizeof(name);
  getsockname(fd.get(), reinterpret_cast<sockaddr*>(&name), &size);
  address = address.substr(0, address.rfind(':') + 1) + std::to_string(ntohs(name.sin_port));
  return fd;
}

Fd ListenUnix(const std::string& path) {
  sockaddr_un name{};
  if (!FillUnix(path, name)) throw std::runtime_error(path + ": too long for a socket");
  Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&name), sizeof(name)) != 0) Fail(path);
  if (listen(fd.get(), 1024) != 0) Fail(path);
  return fd;
}

bool IsLoopback(std::string_view address) {
  sockaddr_in name{};
  return ParseTcp(address, name) && (ntohl(name.sin_addr.s_addr) >> 24) == 127;
}

}  // namespace example
