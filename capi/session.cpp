#include "session.hpp"

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <new>
#include <string>
#include <system_error>
#include <utility>

namespace plugreload::capi {
namespace {

std::size_t PageSize() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

}  // namespace

LifeWord::LifeWord() {
  void* page =
      mmap(nullptr, PageSize(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) throw std::bad_alloc();
  // Where the kernel refuses, forks go unnoticed; nothing else is lost.
  (void)madvise(page, PageSize(), MADV_WIPEONFORK);
  word_ = new (page) std::atomic<Life>(Life::kOpen);
}

LifeWord::~LifeWord() { munmap(word_, PageSize()); }

EventQueue::EventQueue(std::size_t limit) : limit_(limit) {
  descriptor_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (descriptor_ < 0) descriptor_ = -errno;
}

EventQueue::~EventQueue() {
  if (descriptor_ >= 0) close(descriptor_);
}

void EventQueue::Push(const Event& event) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (events_.size() >= limit_) {
      const Event& oldest = events_.front();
      lost_ += oldest.kind == EventKind::kEventsLost ? oldest.count : 1;
      events_.pop_front();
    }
    try {
      events_.push_back(event);
    } catch (const std::bad_alloc&) {
      ++lost_;
    }
  }
  // Behind the change and outside the lock. Take clears before it looks, so that no wake is lost;
  // a wake without an event is possible.
  Wake();
}

std::optional<Event> EventQueue::Take() {
  Clear();
  std::optional<Event> taken;
  bool more = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (lost_ != 0) {
      taken.emplace();
      taken->kind = EventKind::kEventsLost;
      taken->count = std::exchange(lost_, 0);
    } else if (!events_.empty()) {
      taken = std::move(events_.front());
      events_.pop_front();
    }
    more = !events_.empty();
  }
  if (more) Wake();
  if (taken && taken->kind == EventKind::kEventsLost && taken->message.empty()) {
    taken->message = std::to_string(taken->count) +
                     " events were dropped because the queue was full: take them sooner, or raise "
                     "max_events";
  }
  return taken;
}

void EventQueue::Wake() const {
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then the descriptor is readable.
  [[maybe_unused]] const ssize_t written = write(descriptor_, &one, sizeof one);
}

void EventQueue::Clear() const {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = read(descriptor_, &count, sizeof count);
}

Result<std::shared_ptr<Session>> Session::Create(std::size_t max_events) {
  auto session = std::make_shared<Session>(max_events);
  const int descriptor = session->events().descriptor();
  if (descriptor < 0) {
    return Status(Code::kResourceExhausted, "event_fd",
                  "the descriptor for events could not be made: " +
                      std::generic_category().message(-descriptor) +
                      "; raise the limit of open files");
  }
  return session;
}

}  // namespace plugreload::capi
