// os/fd.hpp - owned file descriptors and pipes.
#ifndef PLUGRELOAD_OS_FD_HPP_
#define PLUGRELOAD_OS_FD_HPP_

#include <string>
#include <utility>

#include "plugreload/status.hpp"

namespace plugreload::internal {

// A descriptor that is closed when its owner goes. -1: none.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) Reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~Fd() { Reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  // Closes what it owns and owns `fd` instead.
  void Reset(int fd = -1);

 private:
  int fd_ = -1;
};

struct Pipe {
  Fd read;
  Fd write;
};

// Close-on-exec from birth. Errors: kResourceExhausted "spawn_failed".
Result<Pipe> NewPipe();

// Connected stream sockets, close-on-exec from birth. Errors: kResourceExhausted "spawn_failed".
struct SocketPair {
  Fd one;
  Fd other;
};
Result<SocketPair> NewSocketPair();

// The flag belongs to the open file: whoever inherited the descriptor is affected too.
void SetNonBlocking(const Fd& fd);

// "No such file or directory" for ENOENT.
std::string ErrnoText(int error);

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_OS_FD_HPP_
