#include "goplugin/messenger.hpp"

#include <utility>

#include "goplugin/thread.hpp"

namespace plugreload::goplugin {
namespace {
constexpr std::size_t kMaxWaitingBytes = std::size_t{4} << 20;
constexpr std::size_t kItemOverhead = 128;
}  // namespace

Messenger::Messenger(LogFunction log) : shared_(std::make_shared<Shared>()) {
  shared_->log = std::move(log);
  thread_ = StartThread("plug-messenger", [shared = shared_] { Run(*shared); });
}

Messenger::~Messenger() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->ending = true;
  }
  shared_->changed.notify_all();
  // The host may drop the last instance in one of our calls.
  JoinOrLeave(thread_);
}

void Messenger::Log(LogLevel level, std::shared_ptr<const std::string> instance,
                    std::string message) {
  if (!shared_->log) return;
  const std::size_t size = message.size() + kItemOverhead;
  const std::lock_guard lock(shared_->mutex);
  if (shared_->bytes + size > kMaxWaitingBytes) {
    ++shared_->dropped;
    return;
  }
  shared_->bytes += size;
  shared_->items.push_back({level, std::move(instance), std::move(message), nullptr});
  shared_->changed.notify_all();
}

void Messenger::Post(std::function<void()> call) {
  const std::lock_guard lock(shared_->mutex);
  shared_->items.push_back({LogLevel::kInfo, nullptr, {}, std::move(call)});
  shared_->changed.notify_all();
}

void Messenger::Deliver(const Shared& shared, const Item& item) {
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

void Messenger::Run(Shared& shared) {
  for (;;) {
    std::deque<Item> items;
    std::uint64_t dropped = 0;
    {
      std::unique_lock lock(shared.mutex);
      shared.changed.wait(lock, [&] { return !shared.items.empty() || shared.ending; });
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
      Item told;
      told.level = LogLevel::kWarn;
      told.message = std::to_string(dropped) + " log lines dropped: the host takes them too slowly";
      Deliver(shared, told);
    }
  }
}

}  // namespace plugreload::goplugin
