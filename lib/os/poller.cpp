#include "os/poller.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include "base/thread.hpp"

namespace plugreload::internal {

namespace {
constexpr Poller::Token kWakeToken = 0;
}  // namespace

Result<std::unique_ptr<Poller>> Poller::Create() {
  Fd epoll(epoll_create1(EPOLL_CLOEXEC));
  Fd wake(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWakeToken;
  if (!epoll.valid() || !wake.valid() ||
      epoll_ctl(epoll.get(), EPOLL_CTL_ADD, wake.get(), &event) != 0) {
    return Status(Code::kResourceExhausted, "descriptors",
                  "cannot make an epoll descriptor: " + ErrnoText(errno));
  }
  return std::unique_ptr<Poller>(new Poller(std::move(epoll), std::move(wake)));
}

Poller::Poller(Fd epoll, Fd wake) : epoll_(std::move(epoll)), wake_(std::move(wake)) {
  thread_ = StartThread("plug-poll", [this] { Loop(); });
}

Poller::~Poller() {
  {
    const MutexLock lock(mutex_);
    ending_ = true;
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(wake_.get(), &one, sizeof(one));
  thread_.join();
}

void Poller::Post(Task task) {
  {
    const MutexLock lock(mutex_);
    posted_.push_back(std::move(task));
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const auto written = write(wake_.get(), &one, sizeof(one));
}

bool Poller::Watch(Token token, int fd, Task ready) {
  {
    const MutexLock lock(mutex_);
    watched_.emplace(token, std::make_shared<Task>(std::move(ready)));
  }
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = token;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0) return true;
  const MutexLock lock(mutex_);
  watched_.erase(token);
  return false;
}

void Poller::Unwatch(Token token, int fd) {
  std::shared_ptr<Task> dropped;  // what it holds may end with it: not under the lock
  {
    const MutexLock lock(mutex_);
    const auto found = watched_.find(token);
    if (found == watched_.end()) return;
    dropped = std::move(found->second);
    watched_.erase(found);
  }
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

std::shared_ptr<Poller::Task> Poller::Find(Token token) {
  const MutexLock lock(mutex_);
  const auto found = watched_.find(token);
  return found == watched_.end() ? nullptr : found->second;
}

void Poller::RunAt(Deadline when, Task task) { timers_.emplace(when, std::move(task)); }

bool Poller::RunPosted() {
  std::vector<Task> tasks;
  {
    const MutexLock lock(mutex_);
    if (ending_) return false;
    tasks.swap(posted_);
  }
  for (Task& task : tasks) task();
  return true;
}

int Poller::RunTimers() {
  while (!timers_.empty()) {
    const auto now = std::chrono::steady_clock::now();
    const auto first = timers_.begin();
    if (first->first > now) {
      const auto left = std::chrono::ceil<Millis>(first->first - now).count();
      return static_cast<int>(std::min<Millis::rep>(left, 60'000));
    }
    const Task task = std::move(first->second);
    timers_.erase(first);
    task();
  }
  return -1;
}

void Poller::Loop() {
  std::array<epoll_event, 64> events;
  while (RunPosted()) {
    const int wait = RunTimers();
    const int count =
        epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), wait);
    for (int i = 0; i < count; ++i) {
      const Token token = events[static_cast<std::size_t>(i)].data.u64;
      if (token == kWakeToken) {
        std::uint64_t drained = 0;
        [[maybe_unused]] const auto got = read(wake_.get(), &drained, sizeof(drained));
        continue;
      }
      // Held by value: what runs may unwatch itself or another of this round.
      const std::shared_ptr<Task> ready = Find(token);
      if (ready != nullptr) (*ready)();
    }
  }
}

}  // namespace plugreload::internal
