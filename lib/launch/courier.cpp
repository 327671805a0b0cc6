#include "launch/courier.hpp"

#include <fmt/format.h>

#include <utility>

#include "base/thread.hpp"

namespace plugreload::internal {
namespace {
constexpr std::size_t kMaxWaitingBytes = std::size_t{4} << 20;
constexpr std::size_t kItemOverhead = 128;
}  // namespace

Courier::Courier(LogFunction log)
    : wants_logs_(static_cast<bool>(log)), shared_(std::make_shared<Shared>()) {
  shared_->log = std::move(log);
  thread_ = StartThread("plug-courier", [shared = shared_] { Loop(*shared); });
}

Courier::~Courier() {
  {
    const MutexLock lock(shared_->mutex);
    shared_->ending = true;
    shared_->changed.NotifyAll();
  }
  // The host may drop its last reference in one of our calls; a thread cannot join itself.
  if (thread_.get_id() == std::this_thread::get_id()) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

void Courier::Log(LogLevel level, const Name& instance, std::string message) {
  if (!wants_logs_) return;
  const MutexLock lock(shared_->mutex);
  const std::size_t size = message.size() + kItemOverhead;
  if (shared_->bytes + size > kMaxWaitingBytes) {
    ++shared_->dropped;
    return;
  }
  shared_->bytes += size;
  shared_->items.push_back({level, instance, std::move(message), nullptr});
  shared_->changed.NotifyAll();
}

void Courier::Post(std::function<void()> call) {
  const MutexLock lock(shared_->mutex);
  shared_->items.push_back({LogLevel::kInfo, nullptr, {}, std::move(call)});
  shared_->changed.NotifyAll();
}

void Courier::Deliver(const Shared& shared, const Item& item) {
  // An exception of the host has nowhere to go, and must not end the thread.
  try {
    if (item.call) {
      item.call();
      return;
    }
    LogRecord record;
    record.level = item.level;
    if (item.instance != nullptr) record.instance = *item.instance;
    record.message = item.message;
    shared.log(record);
  } catch (...) {
  }
}

void Courier::Loop(Shared& shared) {
  for (;;) {
    std::deque<Item> items;
    std::uint64_t dropped = 0;
    {
      const MutexLock lock(shared.mutex);
      while (shared.items.empty() && !shared.ending) shared.changed.Wait(shared.mutex);
      if (shared.items.empty()) return;
      items.swap(shared.items);
      shared.bytes = 0;
      dropped = std::exchange(shared.dropped, 0);
    }
    while (!items.empty()) {
      Deliver(shared, items.front());
      items.pop_front();
    }
    if (dropped > 0) {
      Deliver(shared, {LogLevel::kWarn, nullptr,
                       fmt::format("{} log lines dropped: the host takes them too slowly", dropped),
                       nullptr});
    }
  }
}

}  // namespace plugreload::internal
