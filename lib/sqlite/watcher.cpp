#include "sqlite/watcher.hpp"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "sqlite/reading.hpp"
#include "sqlite/thread.hpp"

namespace plugreload::sqlite {
namespace {

// Of a writer that was killed between its commit and the bell, watchers hear so late.
constexpr Millis kUnheard{500};
constexpr Millis kReadTimeout{5'000};

}  // namespace

Watcher::Watcher(std::shared_ptr<Core> core, std::unique_ptr<Database> database, std::string prefix,
                 Revision after, StateStore::WatchCallback callback)
    : core_(std::move(core)),
      database_(std::move(database)),
      prefix_(std::move(prefix)),
      callback_(std::move(callback)) {
  thread_ = StartThread("pr-watch", [this, after] { Run(after); });
}

Watcher::~Watcher() {
  stop_.store(true);
  core_->lock().Ring();
  thread_.join();
}

void Watcher::Run(Revision after) {
  while (!stop_.load()) {
    // Both before the file is looked at: what comes later rings again.
    const std::uint32_t heard = core_->lock().Rings();
    const bool closed = core_->closed();
    database_->Until(After(kReadTimeout));
    const Result<Progress> progress = NextBatches(*database_, prefix_, after);
    if (!progress.ok() && progress.status().code() == Code::kDeadlineExceeded) continue;
    if (!progress.ok()) return callback_(progress.status());
    for (const WatchBatch& batch : progress->batches) {
      if (stop_.load()) return;
      callback_(batch);
    }
    if (progress->seen > after) {
      after = progress->seen;
    } else if (closed) {
      return callback_(Status(Code::kUnavailable, "store_closed", "the store was closed"));
    } else if (database_->Moved()) {
      return callback_(Status(Code::kUnavailable, "store_moved",
                              fmt::format("another file than the one that is open lies at {} now; "
                                          "open the store again",
                                          database_->path())));
    } else {
      core_->lock().Wait(heard, kUnheard);
    }
  }
}

}  // namespace plugreload::sqlite
