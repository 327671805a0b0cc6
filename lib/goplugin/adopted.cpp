#include "goplugin/adopted.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <string>
#include <system_error>
#include <utility>

#include "goplugin/thread.hpp"

namespace plugreload::goplugin {

Adopted::Adopted(std::int64_t pid, std::shared_ptr<Messenger> messenger)
    : pid_(pid), messenger_(std::move(messenger)) {}

Result<std::shared_ptr<Adopted>> Adopted::Hold(std::int64_t pid,
                                               std::shared_ptr<Messenger> messenger) {
  std::shared_ptr<Adopted> adopted(new Adopted(pid, std::move(messenger)));
  if (pid <= 0 || pid > std::numeric_limits<pid_t>::max()) return adopted->GoneStatus();
  adopted->pidfd_ = static_cast<int>(syscall(SYS_pidfd_open, static_cast<pid_t>(pid), 0));
  // EINVAL: the number of a thread.
  if (adopted->pidfd_ < 0 && (errno == ESRCH || errno == EINVAL)) return adopted->GoneStatus();
  if (adopted->pidfd_ >= 0) adopted->quit_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  std::error_code error;
  if (adopted->quit_ < 0) {
    error.assign(errno, std::generic_category());
  } else {
    if (adopted->gone()) return adopted->GoneStatus();
    try {
      adopted->thread_ = StartThread("plug-adopted", [raw = adopted.get()] { raw->Watch(); });
      return adopted;
    } catch (const std::system_error& failure) {
      error = failure.code();
    }
  }
  return Status(Code::kResourceExhausted, "threads",
                "cannot watch process " + std::to_string(pid) + ": " + error.message());
}

Adopted::~Adopted() {
  if (thread_.joinable()) {
    eventfd_write(quit_, 1);
    thread_.join();
  }
  for (const int fd : {pidfd_, quit_}) {
    if (fd >= 0) close(fd);
  }
}

bool Adopted::gone() const {
  pollfd process{pidfd_, POLLIN, 0};
  return poll(&process, 1, 0) == 1;
}

Status Adopted::GoneStatus() const {
  return Status(Code::kUnavailable, "process_gone",
                "process " + std::to_string(pid_) + " is no longer the plugin that was given");
}

void Adopted::Watch() {
  pollfd watched[2] = {{pidfd_, POLLIN, 0}, {quit_, POLLIN, 0}};
  while (poll(watched, 2, -1) < 0 && errno == EINTR) {
  }
  if (watched[1].revents == 0) Ended();
}

void Adopted::Ended() {
  InstanceExit exit;
  exit.detail = "the process " + std::to_string(pid_) + ", which somebody else started, has ended";
  const std::lock_guard lock(mutex_);
  for (const auto& weak : gates_) {
    if (auto gate = weak.lock()) messenger_->Post([gate, exit] { gate->Ended(exit); });
  }
  gates_.clear();
}

void Adopted::Tell(const std::shared_ptr<ExitGate>& gate) {
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(gates_, [](const auto& other) { return other.expired(); });
    gates_.push_back(gate);
  }
  // The thread may have told the others already.
  if (gone()) Ended();
}

}  // namespace plugreload::goplugin
