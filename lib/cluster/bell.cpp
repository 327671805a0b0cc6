#include "cluster/bell.hpp"

#include <utility>

namespace plugreload::internal {

Bell::Bell(std::shared_ptr<StateStore> store, std::string_view below, const Applier* applier)
    : store_(std::move(store)), below_(below), applier_(applier) {}

void Bell::Hang() {
  const MutexLock hanging(hanging_);
  {
    const MutexLock lock(mutex_);
    if (closed_ || hangs_) return;
    hangs_ = true;
  }
  watcher_.reset();  // one that has ended
  auto watcher = store_->Watch(below_, applier_->applied(),
                               [this](const Result<WatchBatch>& batch) { Ring(batch); });
  if (watcher.ok()) {
    watcher_ = *std::move(watcher);
    return;
  }
  const MutexLock lock(mutex_);
  hangs_ = false;
}

void Bell::Close() {
  {
    const MutexLock lock(mutex_);
    closed_ = true;
    changed_.NotifyAll();
  }
  const MutexLock hanging(hanging_);
  watcher_.reset();
}

void Bell::Ring(const Result<WatchBatch>& batch) {
  const MutexLock lock(mutex_);
  if (!batch.ok()) {
    hangs_ = false;  // the next Mark hangs it again
    return;
  }
  for (Ear* ear : ears_) {
    for (const auto& item : batch->items) {
      if (item.key.starts_with(ear->prefix_)) ear->rung_ = true;
    }
  }
  changed_.NotifyAll();
}

Bell::Ear::Ear(Bell& bell, std::string prefix) : bell_(bell), prefix_(std::move(prefix)) {
  const MutexLock lock(bell_.mutex_);
  bell_.ears_.push_back(this);
}

Bell::Ear::~Ear() {
  const MutexLock lock(bell_.mutex_);
  std::erase(bell_.ears_, this);
}

void Bell::Ear::Mark() {
  bell_.Hang();
  const MutexLock lock(bell_.mutex_);
  rung_ = false;
}

Bell::Woken Bell::Ear::Await(Deadline until) {
  const MutexLock lock(bell_.mutex_);
  while (!bell_.closed_ && !rung_ && bell_.changed_.WaitUntil(bell_.mutex_, until)) {
  }
  if (bell_.closed_) return Woken::kClosed;
  return rung_ ? Woken::kByBell : Woken::kLate;
}

}  // namespace plugreload::internal
