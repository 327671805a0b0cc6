// http/stream.hpp - a connected socket where every wait has a deadline; Beast reads and writes it.
#ifndef EXAMPLES_HTTP_STREAM_HPP_
#define EXAMPLES_HTTP_STREAM_HPP_

#include <boost/asio/buffer.hpp>
#include <boost/system/system_error.hpp>
#include <sys/uio.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace example {

using Clock = std::chrono::steady_clock;
using boost::system::error_code;

// Owns a file descriptor.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

// An event that happens once and stays: readable for everybody who polls its descriptor.
class StopEvent {
 public:
  StopEvent();
  void Set();
  bool IsSet() const;
  int fd() const { return fd_.get(); }

 private:
  Fd fd_;
};

enum class Ready { kReadable, kWoken, kTimeout };
// Waits until `fd` has something to read (or has ended), `wake_fd` (-1: none) is readable, or the
// deadline. What is readable wins over the wake.
Ready WaitReadable(int fd, int wake_fd, Clock::time_point deadline);

// A SyncReadStream and SyncWriteStream for Boost.Beast. An operation that passes the time of
// ExpireAt fails with timed_out.
//
// Thread safety: one thread at a time, except Abort.
class Stream {
 public:
  explicit Stream(Fd fd) : fd_(std::move(fd)) {}

  // Connects to "unix:/path" or "tcp:127.0.0.1:1234".
  static Stream Connect(std::string_view endpoint, Clock::time_point deadline, error_code& error);

  void ExpireAt(Clock::time_point deadline) { deadline_ = deadline; }
  std::uint64_t written() const { return written_; }  // bytes that the kernel has taken so far
  int fd() const { return fd_.get(); }
  // Ends what another thread does with the stream.
  void Abort();

  template <typename Buffers>
  std::size_t read_some(const Buffers& buffers, error_code& error) {
    for (auto it = boost::asio::buffer_sequence_begin(buffers);
         it != boost::asio::buffer_sequence_end(buffers); ++it) {
      const boost::asio::mutable_buffer buffer(*it);
      if (buffer.size() > 0) return Read(buffer.data(), buffer.size(), error);
    }
    error = {};
    return 0;
  }
  template <typename Buffers>
  std::size_t write_some(const Buffers& buffers, error_code& error) {
    std::array<iovec, 16> parts{};
    std::size_t count = 0;
    for (auto it = boost::asio::buffer_sequence_begin(buffers);
         it != boost::asio::buffer_sequence_end(buffers) && count < parts.size(); ++it) {
      const boost::asio::const_buffer buffer(*it);
      if (buffer.size() > 0) parts[count++] = {const_cast<void*>(buffer.data()), buffer.size()};
    }
    return Write(parts.data(), count, error);
  }
  // The forms that throw, which the concepts ask for.
  template <typename Buffers>
  std::size_t read_some(const Buffers& buffers) {
    return Checked([&](error_code& error) { return read_some(buffers, error); });
  }
  template <typename Buffers>
  std::size_t write_some(const Buffers& buffers) {
    return Checked([&](error_code& error) { return write_some(buffers, error); });
  }

 private:
  template <typename Operation>
  static std::size_t Checked(const Operation& operation) {
    error_code error;
    const std::size_t size = operation(error);
    if (error) throw boost::system::system_error(error);
    return size;
  }
  std::size_t Read(void* data, std::size_t size, error_code& error);
  std::size_t Write(iovec* parts, std::size_t count, error_code& error);
  bool WaitFor(short events, error_code& error) const;

  Fd fd_;
  Clock::time_point deadline_ = Clock::time_point::max();
  std::uint64_t written_ = 0;
};

// A listening socket on "127.0.0.1:8200" (port 0: any; the address that it became is written back)
// or on a unix socket. Both throw std::runtime_error.
Fd ListenTcp(std::string& address);
Fd ListenUnix(const std::string& path);
bool IsLoopback(std::string_view address);

}  // namespace example

#endif  // EXAMPLES_HTTP_STREAM_HPP_
