#include "store/memory.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/thread.hpp"
#include "plugreload/store_limits.hpp"

namespace plugreload::internal {
namespace {

Status Compacted(Revision after, Revision oldest) {
  return Status(Code::kOutOfRange, "compacted",
                fmt::format("the commits behind revision {} are no longer kept (the oldest is {}): "
                            "load again and watch from there",
                            after, oldest));
}

std::size_t SizeOf(const WatchBatch& batch) {
  std::size_t bytes = 0;
  for (const auto& item : batch.items)
    bytes += item.key.size() + (item.value ? item.value->size() : 0);
  return bytes;
}

}  // namespace

Result<Revision> MemoryCore::Commit(std::span<const Change> changes, Deadline deadline) {
  Status status = CheckChanges(changes);
  if (!status.ok()) return status;
  if (std::chrono::steady_clock::now() >= deadline) {
    return Status(Code::kDeadlineExceeded, "deadline_exceeded",
                  "nothing was changed: the deadline had passed before the commit");
  }
  MutexLock lock(mutex_);
  status = Compare(changes);
  if (!status.ok()) return status;
  auto batch = std::make_shared<WatchBatch>();
  batch->revision = revision_ + 1;
  for (const Change& change : changes) {
    if (change.check_only) continue;
    if (change.value) {
      documents_[change.key] = {change.key, *change.value, batch->revision};
    } else if (documents_.erase(change.key) == 0) {
      continue;
    }
    batch->items.push_back({change.key, change.value});
  }
  if (batch->items.empty()) return revision_;
  revision_ = batch->revision;
  Remember(std::move(batch));
  committed_.NotifyAll();
  return revision_;
}

Status MemoryCore::Compare(std::span<const Change> changes) const {
  for (const Change& change : changes) {
    if (!change.expected) continue;
    const auto found = documents_.find(change.key);
    const Revision present = found == documents_.end() ? 0 : found->second.revision;
    if (present == *change.expected) continue;
    return Status(Code::kAborted, "revision_mismatch",
                  fmt::format("nothing was changed: key '{}' has revision {}, expected {}",
                              change.key, present, *change.expected));
  }
  return {};
}

void MemoryCore::Remember(std::shared_ptr<const WatchBatch> batch) {
  history_bytes_ += SizeOf(*batch);
  history_.push_back(std::move(batch));
  // The newest stays however large it is: a watcher that keeps up must get it.
  while (history_.size() > kMaxHistory ||
         (history_bytes_ > kMaxHistoryBytes && history_.size() > 1)) {
    history_bytes_ -= SizeOf(*history_.front());
    history_.pop_front();
  }
}

Result<Snapshot> MemoryCore::Load(std::string_view prefix, Deadline deadline) const {
  if (std::chrono::steady_clock::now() >= deadline) {
    return Status(Code::kDeadlineExceeded, "deadline_exceeded",
                  "the deadline had passed before the load");
  }
  MutexLock lock(mutex_);
  Snapshot snapshot;
  snapshot.revision = revision_;
  for (auto it = documents_.lower_bound(prefix);
       it != documents_.end() && it->first.starts_with(prefix); ++it) {
    snapshot.documents.push_back(it->second);
  }
  return snapshot;
}

Revision MemoryCore::RevisionOf(std::string_view key) const {
  MutexLock lock(mutex_);
  const auto found = documents_.find(key);
  return found == documents_.end() ? 0 : found->second.revision;
}

Result<std::shared_ptr<const WatchBatch>> MemoryCore::Next(Revision after,
                                                           const std::atomic<bool>& stop) {
  MutexLock lock(mutex_);
  while (!stop.load() && !closed_ && revision_ <= after) committed_.Wait(mutex_);
  if (stop.load()) return std::shared_ptr<const WatchBatch>();
  if (revision_ <= after) {
    return Status(Code::kUnavailable, "store_closed", "the store was closed");
  }
  // Every revision since the oldest is there, so the place is known.
  const Revision oldest = history_.front()->revision;
  if (after + 1 < oldest) return Compacted(after, oldest);
  return history_[static_cast<std::size_t>(after + 1 - oldest)];
}

void MemoryCore::Wake() {
  MutexLock lock(mutex_);
  committed_.NotifyAll();
}

void MemoryCore::Close() {
  MutexLock lock(mutex_);
  closed_ = true;
  committed_.NotifyAll();
}

MemoryWatcher::MemoryWatcher(std::shared_ptr<MemoryCore> core, std::string prefix, Revision after,
                             StateStore::WatchCallback callback)
    : core_(std::move(core)), prefix_(std::move(prefix)), callback_(std::move(callback)) {
  thread_ = StartThread("pr-watch", [this, after] { Run(after); });
}

MemoryWatcher::~MemoryWatcher() {
  stop_.store(true);
  core_->Wake();
  thread_.join();
}

void MemoryWatcher::Run(Revision after) {
  for (;;) {
    const auto next = core_->Next(after, stop_);
    if (!next.ok()) {
      callback_(next.status());
      return;
    }
    if (*next == nullptr) return;
    after = (*next)->revision;
    WatchBatch batch{after, {}};
    for (const auto& item : (*next)->items) {
      if (item.key.starts_with(prefix_)) batch.items.push_back(item);
    }
    if (!batch.items.empty()) callback_(batch);
  }
}

}  // namespace plugreload::internal

namespace plugreload {
namespace {

// The store ends with its process, and so do the keepers: only the owner's own end is left to do.
class MemoryKeeper : public StateStore::Keeper {
 public:
  MemoryKeeper(std::shared_ptr<internal::MemoryCore> core, std::string key, Revision revision)
      : core_(std::move(core)), key_(std::move(key)), revision_(revision) {}
  ~MemoryKeeper() override {
    const Change removal{key_, std::nullopt, revision_};
    (void)core_->Commit(std::span(&removal, 1), Deadline::max());
  }

  Revision revision() const override {
    return core_->RevisionOf(key_) == revision_ ? revision_ : 0;
  }

 private:
  const std::shared_ptr<internal::MemoryCore> core_;
  const std::string key_;
  const Revision revision_;
};

class MemoryStore : public StateStore {
 public:
  ~MemoryStore() override { core_->Close(); }

  Result<Revision> Commit(std::span<const Change> changes, Deadline deadline) override {
    return core_->Commit(changes, deadline);
  }
  Result<Snapshot> Load(std::string_view prefix, Deadline deadline) override {
    return core_->Load(prefix, deadline);
  }
  Result<std::unique_ptr<Watcher>> Watch(std::string_view prefix, Revision after,
                                         WatchCallback callback) override {
    if (after < 0 || !callback) {
      return Status(Code::kInvalidArgument, "invalid_watch",
                    "a watch needs a callback and a revision that is not negative");
    }
    try {
      return std::unique_ptr<Watcher>(std::make_unique<internal::MemoryWatcher>(
          core_, std::string(prefix), after, std::move(callback)));
    } catch (const std::system_error& error) {
      return Status(Code::kResourceExhausted, "no_thread",
                    fmt::format("no thread for a watch of the store: {}", error.what()));
    }
  }

  Result<std::unique_ptr<Keeper>> Keep(std::string_view key, std::string_view value, Millis,
                                       Deadline deadline) override {
    const Change creation{std::string(key), std::string(value), 0};
    const Result<Revision> revision = core_->Commit(std::span(&creation, 1), deadline);
    if (revision.ok()) {
      return std::unique_ptr<Keeper>(
          std::make_unique<MemoryKeeper>(core_, creation.key, *revision));
    }
    if (revision.status().code() != Code::kAborted) return revision.status();
    return Status(Code::kAlreadyExists, "key_in_use",
                  fmt::format("nothing was changed: key '{}' exists already", key));
  }

 private:
  // Shared with the watchers, which may outlive the store: they are told that it is closed.
  const std::shared_ptr<internal::MemoryCore> core_ = std::make_shared<internal::MemoryCore>();
};

}  // namespace

std::shared_ptr<StateStore> NewMemoryStore() { return std::make_shared<MemoryStore>(); }

}  // namespace plugreload
