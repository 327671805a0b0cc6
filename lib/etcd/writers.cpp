#include "etcd/writers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace plugreload::etcd {
namespace {

// How long etcd may be out of reach before the fate of a commit can no longer be told.
constexpr std::chrono::minutes kTimeToLive{1};

// libstdc++ overflows when it converts the latest point there is.
Deadline Finite(Deadline deadline) { return std::min(deadline, Now() + std::chrono::hours(24)); }

}  // namespace

Writers::Holder::~Holder() {
  if (epoch_ == nullptr) return;
  const std::lock_guard lock(writers_->mutex_);
  mark_->taken = false;
  writers_->changed_.notify_one();
}

Result<Writers::Holder> Writers::Take(Deadline deadline) {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (renewing_) {
      // Somebody else asks for a lease.
    } else if (epoch_ == nullptr || !epoch_->lease->Alive()) {
      if (Status status = Renew(lock, deadline); !status.ok()) return status;
      continue;
    } else {
      const auto mark = std::find_if(epoch_->marks.begin(), epoch_->marks.end(),
                                     [](const Mark& free) { return !free.taken; });
      if (mark != epoch_->marks.end()) {
        mark->taken = true;
        return Holder(this, epoch_, &*mark);
      }
    }
    if (Now() >= deadline) {
      return Status(Code::kDeadlineExceeded, "deadline_exceeded",
                    "nothing was changed: other commits of this store held etcd until the "
                    "deadline");
    }
    changed_.wait_until(lock, Finite(deadline));
  }
}

Status Writers::Renew(std::unique_lock<std::mutex>& lock, Deadline deadline) {
  const auto old = std::exchange(epoch_, nullptr);
  renewing_ = true;
  lock.unlock();
  if (old != nullptr) leases_->Abandon(old->lease);
  auto lease = leases_->Grant(kTimeToLive, deadline);
  lock.lock();
  renewing_ = false;
  changed_.notify_all();
  if (!lease.ok()) return lease.status().WithContext("nothing was changed");
  epoch_ = std::make_shared<Epoch>();
  epoch_->lease = *std::move(lease);
  for (std::size_t i = 0; i < kMarks; ++i) {
    epoch_->marks[i].key = fmt::format("{}{:016x}/{}", prefix_, epoch_->lease->id(), i);
  }
  return {};
}

void Writers::Close(Deadline deadline) {
  std::shared_ptr<Epoch> epoch;
  {
    const std::lock_guard lock(mutex_);
    epoch = std::exchange(epoch_, nullptr);
  }
  if (epoch != nullptr) leases_->Revoke(epoch->lease, deadline);
}

}  // namespace plugreload::etcd
