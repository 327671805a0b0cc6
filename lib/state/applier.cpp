#include "state/applier.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <thread>
#include <utility>

#include "base/fork_guard.hpp"
#include "base/mutex.hpp"
#include "base/thread.hpp"
#include "state/keys.hpp"

namespace plugreload::internal {
namespace {

constexpr Millis kLoadTimeout{5'000};
constexpr Millis kFirstPause{20};
constexpr Millis kLongestPause{2'000};

bool Writes(const std::vector<Change>& changes) {
  return std::any_of(changes.begin(), changes.end(),
                     [](const Change& change) { return !change.check_only; });
}

// Batches are applied on the store's own thread, which is what keeps a slow image from piling up
// batches here. The applier's thread only starts the watch anew when it has ended, and no batch
// arrives while it does: so the images never see two calls at once.
class StoreApplier : public Applier {
 public:
  StoreApplier(std::shared_ptr<StateStore> store, std::vector<StateImage*> images)
      : store_(std::move(store)), images_(std::move(images)) {}

  ~StoreApplier() override {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
      changed_.NotifyAll();
    }
    if (thread_.joinable()) thread_.join();
    watcher_.reset();
  }

  Status Start(Deadline deadline) {
    Status status = Load(deadline);
    if (!status.ok()) return status.WithContext("loading the plugin catalog and mounts");
    status = Watch();
    if (!status.ok()) return status.WithContext("watching the plugin catalog and mounts");
    try {
      thread_ = StartThread("pr-applier", [this] { Run(); });
    } catch (const std::system_error& error) {
      return Status(Code::kResourceExhausted, "no_thread",
                    fmt::format("no thread to follow the store: {}", error.what()));
    }
    return {};
  }

  Status Commit(const Edit& edit, Deadline deadline,
                const std::vector<std::string>& needs) override {
    if (Status status = fork_guard_.Check("a change"); !status.ok()) return status;
    for (bool sure = needs.empty();;) {
      // Read before the edit: a compare that is lost against these images is explained by a commit
      // behind this revision, and waiting for it cannot miss.
      const Revision before = applied();
      Result<std::vector<Change>> changes = edit();
      if (!changes.ok()) {
        if (changes.status().code() != Code::kNotFound || sure) return changes.status();
        if (Status status = CatchUp(needs, deadline); !status.ok()) return status;
        sure = true;
        continue;
      }
      if (changes->empty()) return {};
      const Result<Revision> revision = store_->Commit(*changes, deadline);
      if (revision.ok()) return Writes(*changes) ? WaitVisible(*revision, deadline) : Status();
      if (revision.status().code() == Code::kUnknown) {
        return Status(Code::kUnknown, "outcome_unknown",
                      fmt::format("the change was sent to the store and may or may not have been "
                                  "made; look before trying again: {}",
                                  revision.status().message()));
      }
      if (revision.status().code() != Code::kAborted) return revision.status();
      if (!WaitBeyond(before, deadline)) {
        return Status(Code::kDeadlineExceeded, "deadline_exceeded",
                      "nothing was changed: other writers were faster until the deadline; try "
                      "again");
      }
    }
  }

  Status CatchUp(const std::vector<std::string>& prefixes, Deadline deadline) override {
    Revision newest = 0;
    for (const std::string& prefix : prefixes) {
      const Result<Snapshot> there = store_->Load(prefix, deadline);
      if (!there.ok()) return there.status().WithContext("looking for what others have changed");
      for (const Document& document : there->documents) {
        newest = std::max(newest, document.revision);
      }
    }
    if (WaitBeyond(newest - 1, deadline)) return {};
    return Status(Code::kDeadlineExceeded, "deadline_exceeded",
                  "nothing was changed: what others have changed did not arrive here in time");
  }

  Revision applied() const override {
    MutexLock lock(mutex_);
    return applied_;
  }

 private:
  Status Load(Deadline deadline) {
    const Result<Snapshot> snapshot = store_->Load(kStatePrefix, deadline);
    if (!snapshot.ok()) return snapshot.status();
    for (StateImage* image : images_) image->Reset(*snapshot);
    Advance(snapshot->revision);
    return {};
  }

  Status Watch() {
    {
      MutexLock lock(mutex_);
      ended_ = false;
    }
    auto watcher = store_->Watch(kStatePrefix, applied(), [this](const Result<WatchBatch>& batch) {
      if (!batch.ok()) {
        MutexLock lock(mutex_);
        ended_ = true;
        changed_.NotifyAll();
        return;
      }
      if (batch->revision <= applied()) return;
      for (StateImage* image : images_) image->Apply(*batch);
      Advance(batch->revision);
    });
    if (!watcher.ok()) return watcher.status();
    watcher_ = *std::move(watcher);
    return {};
  }

  void Advance(Revision revision) {
    MutexLock lock(mutex_);
    applied_ = revision;
    changed_.NotifyAll();
  }

  bool WaitBeyond(Revision revision, Deadline deadline) {
    MutexLock lock(mutex_);
    while (applied_ <= revision) {
      if (!changed_.WaitUntil(mutex_, deadline)) return applied_ > revision;
    }
    return true;
  }

  Status WaitVisible(Revision revision, Deadline deadline) {
    if (WaitBeyond(revision - 1, deadline)) return {};
    return Status(Code::kUnknown, "outcome_unknown",
                  fmt::format("the change is committed as revision {} but was not yet visible here "
                              "at the deadline; it will be",
                              revision));
  }

  // The applier's thread: sleeps until the watch ends, then loads and watches until both succeed.
  void Run() {
    Millis pause{0};
    while (WaitEnded(pause)) {
      watcher_.reset();  // waits for the callback that told the end
      const bool watching = Load(After(kLoadTimeout)).ok() && Watch().ok();
      pause = watching ? Millis(0) : std::clamp(pause * 2, kFirstPause, kLongestPause);
      if (watching) continue;
      MutexLock lock(mutex_);
      ended_ = true;
    }
  }

  // False: stopping.
  bool WaitEnded(Millis pause) {
    const Deadline resume = After(pause);
    MutexLock lock(mutex_);
    while (!stopping_) {
      if (ended_ && std::chrono::steady_clock::now() >= resume) return true;
      ended_ ? void(changed_.WaitUntil(mutex_, resume)) : changed_.Wait(mutex_);
    }
    return false;
  }

  const ForkGuard fork_guard_;
  const std::shared_ptr<StateStore> store_;
  const std::vector<StateImage*> images_;
  // Set by Start, then only by the applier's thread until that has ended.
  std::unique_ptr<StateStore::Watcher> watcher_;
  std::thread thread_;
  mutable Mutex mutex_;
  CondVar changed_;
  Revision applied_ PLUGRELOAD_GUARDED_BY(mutex_) = 0;
  bool ended_ PLUGRELOAD_GUARDED_BY(mutex_) = false;
  bool stopping_ PLUGRELOAD_GUARDED_BY(mutex_) = false;
};

}  // namespace

Result<std::unique_ptr<Applier>> Applier::Open(std::shared_ptr<StateStore> store,
                                               std::vector<StateImage*> images, Deadline deadline) {
  auto applier = std::make_unique<StoreApplier>(std::move(store), std::move(images));
  const Status status = applier->Start(deadline);
  if (!status.ok()) return status;
  return std::unique_ptr<Applier>(std::move(applier));
}

}  // namespace plugreload::internal
