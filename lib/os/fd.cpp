#include "os/fd.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace plugreload::internal {

void Fd::Reset(int fd) {
  const int before = errno;
  if (fd_ >= 0) close(fd_);
  fd_ = fd;
  errno = before;
}

Result<Pipe> NewPipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    return Status(Code::kResourceExhausted, "spawn_failed",
                  "cannot make a pipe: " + ErrnoText(errno));
  }
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

Result<SocketPair> NewSocketPair() {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return Status(Code::kResourceExhausted, "spawn_failed",
                  "cannot make a pair of sockets: " + ErrnoText(errno));
  }
  return SocketPair{Fd(ends[0]), Fd(ends[1])};
}

void SetNonBlocking(const Fd& fd) {
  fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
}

std::string ErrnoText(int error) { return std::generic_category().message(error); }

}  // namespace plugreload::internal
