#include "sqlite/core.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>
#include <vector>

#include "plugreload/store_limits.hpp"
#include "sqlite/file.hpp"
#include "sqlite/reading.hpp"
#include "sqlite/schema.hpp"

namespace plugreload::sqlite {
namespace {

constexpr Millis kLook{500};         // between looks for owners that are gone
constexpr Millis kLookTimeout{250};  // of what a look asks of the file

Status TooLate(std::string_view what) {
  return Status(Code::kDeadlineExceeded, "deadline_exceeded", what);
}

bool Passed(Deadline deadline) { return std::chrono::steady_clock::now() >= deadline; }

Status Compare(Writing& writing, std::span<const Change> changes) {
  for (const Change& change : changes) {
    if (!change.expected) continue;
    const Result<Revision> present = writing.RevisionOf(change.key);
    if (!present.ok()) return present.status();
    if (*present == *change.expected) continue;
    return Status(Code::kAborted, "revision_mismatch",
                  fmt::format("nothing was changed: key '{}' has revision {}, expected {}",
                              change.key, *present, *change.expected));
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<Core>> Core::Open(const SqliteOptions& options) {
  if (options.history == 0 || options.open_timeout <= Millis(0)) {
    return Status(Code::kInvalidArgument, "invalid_sqlite_options",
                  "history and open_timeout of the SQLite store must be above 0");
  }
  const Deadline deadline = After(options.open_timeout);
  Result<std::string> path = Locate(options.path);
  if (!path.ok()) return path.status();
  std::shared_ptr<Core> core(new Core(options, *std::move(path)));
  if (Status status = core->Start(deadline); !status.ok()) {
    return status.WithContext("opening the SQLite store");
  }
  return core;
}

Status Core::Start(Deadline deadline) {
  if (Status status = EnsureFile(path_, deadline); !status.ok()) return status;
  if (Status status = CheckFiles(path_); !status.ok()) return status;
  // Before the lock file is made: a database of somebody else gets no file of ours beside it.
  auto checked = Database::Open(path_, nullptr, deadline);
  if (!checked.ok()) return checked.status();
  if (Status status = CheckSchema(**checked); !status.ok()) return status;
  auto lock = LockFile::Open(path_ + "-lock");
  if (!lock.ok()) return lock.status();
  lock_ = *std::move(lock);
  auto writer = Connect(deadline);
  if (!writer.ok()) return writer.status();
  writer_ = *std::move(writer);
  auto reader = Connect(deadline);
  if (!reader.ok()) return reader.status();
  reader_ = *std::move(reader);
  try {
    thread_ = StartThread("pr-sqlite", [this] { Run(); });
  } catch (const std::system_error& error) {
    return Status(Code::kResourceExhausted, "no_thread",
                  fmt::format("no thread for the store {}: {}", path_, error.what()));
  }
  return {};
}

Core::~Core() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    stopped_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

Result<std::unique_ptr<Database>> Core::Connect(Deadline deadline) const {
  auto database = Database::Open(path_, lock_.get(), deadline);
  if (!database.ok()) return database;
  if (Status status = (*database)->Prepare(); !status.ok()) return status;
  return database;
}

void Core::Close() {
  closed_.store(true);
  lock_->Ring();
}

template <typename Body>
Result<Revision> Core::Write(Deadline deadline, Body body) {
  if (Passed(deadline)) {
    return TooLate("nothing was changed: the deadline had passed before the commit");
  }
  if (!writing_.Take(deadline)) {
    return TooLate("nothing was changed: other commits of this process took until the deadline");
  }
  const TurnHolder turn(writing_);
  writer_->Until(deadline);
  if (writer_->Moved()) {
    return Status(Code::kUnavailable, "store_moved",
                  fmt::format("nothing was changed: another file than the one that is open lies at "
                              "{} now; open the store again",
                              path_));
  }
  Writing writing(*writer_, limits_);
  Result<Revision> revision = [&]() -> Result<Revision> {
    if (Status status = writing.Begin(); !status.ok()) return status;
    if (Status status = body(writing); !status.ok()) return status;
    return writing.Finish();
  }();
  if (revision.ok()) {
    lock_->Ring();
  } else if (revision.status().code() != Code::kUnknown &&
             revision.status().code() != Code::kAborted &&
             revision.status().code() != Code::kAlreadyExists) {
    return revision.status().WithContext("nothing was changed");
  }
  return revision;
}

Result<Revision> Core::Commit(std::span<const Change> changes, Deadline deadline) {
  if (Status status = CheckChanges(changes); !status.ok()) return status;
  return Write(deadline, [&](Writing& writing) -> Status {
    if (Status status = Compare(writing, changes); !status.ok()) return status;
    for (const Change& change : changes) {
      if (change.check_only) continue;
      Status status =
          change.value ? writing.Put(change.key, *change.value) : writing.Erase(change.key);
      if (!status.ok()) return status;
    }
    return {};
  });
}

Result<Snapshot> Core::Load(std::string_view prefix, Deadline deadline) {
  if (Passed(deadline)) return TooLate("the deadline had passed before the load");
  if (!reading_.Take(deadline)) {
    return TooLate("other loads of this process took until the deadline");
  }
  const TurnHolder turn(reading_);
  reader_->Until(deadline);
  return LoadDocuments(*reader_, prefix);
}

Result<std::shared_ptr<Kept>> Core::Keep(std::string_view key, std::string_view value,
                                         Deadline deadline) {
  const Change creation{std::string(key), std::string(value), 0};
  if (Status status = CheckChanges({&creation, 1}); !status.ok()) return status;
  std::shared_ptr<Kept> kept;
  const auto revision = Write(deadline, [&](Writing& writing) -> Status {
    const auto present = writing.RevisionOf(key);
    if (!present.ok()) return present.status();
    if (*present != 0) {
      return Status(Code::kAlreadyExists, "key_in_use",
                    fmt::format("nothing was changed: key '{}' exists already", key));
    }
    auto claimed = Claim(writing, key);
    if (!claimed.ok()) return claimed.status();
    kept = *std::move(claimed);
    return writing.Put(key, value, kept->number);
  });
  if (revision.ok()) {
    kept->revision.store(*revision);
    return kept;
  }
  if (kept != nullptr) Drop(kept->number);
  if (revision.status().code() != Code::kUnknown) return revision.status();
  // What a restart may find of it has no owner then, and goes.
  return Status(Code::kUnavailable, revision.status().reason(), revision.status().message());
}

// Locked and noted before it can be seen: nobody ever sees it without an owner.
Result<std::shared_ptr<Kept>> Core::Claim(Writing& writing, std::string_view key) {
  auto kept = std::make_shared<Kept>();
  kept->key = key;
  kept->number = writing.NextKeeper();
  kept->revision.store(-1);  // not known yet, but not gone
  if (!lock_->Hold(kept->number)) {
    return Status(Code::kUnavailable, "store_lock",
                  fmt::format("cannot lock byte {} of {}-lock, which should be nobody's",
                              kept->number, path_));
  }
  const std::lock_guard lock(mutex_);
  kept_.emplace(kept->number, kept);
  return kept;
}

void Core::Drop(std::int64_t number) {
  const std::lock_guard lock(mutex_);
  kept_.erase(number);
  lock_->Release(number);
}

void Core::EndKeep(const Kept& kept, Deadline deadline) {
  if (const Revision revision = kept.revision.load(); revision > 0) {
    const Change removal{kept.key, std::nullopt, revision};
    (void)Commit({&removal, 1}, deadline);
  }
  // If that was in vain, its lock is free from here on, and the next look of anybody takes it.
  Drop(kept.number);
}

void Core::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    lock.unlock();
    Look();
    lock.lock();
    const Deadline next = After(kLook);
    stopped_.wait_until(lock, next, [this] { return stopping_; });
  }
}

void Core::Look() {
  std::map<std::int64_t, std::shared_ptr<Kept>> own;
  {
    const std::lock_guard lock(mutex_);
    own = kept_;
  }
  const Deadline deadline = After(kLookTimeout);
  if (!reading_.Take(deadline)) return;
  std::vector<std::int64_t> numbers;
  {
    const TurnHolder turn(reading_);
    reader_->Until(deadline);
    auto found = KeptNumbers(*reader_);
    if (!found.ok()) return;
    numbers = *std::move(found);
  }
  for (const auto& [number, kept] : own) {
    // One whose commit is still on its way is not there yet, and not gone.
    if (kept->revision.load() > 0 && !std::count(numbers.begin(), numbers.end(), number)) {
      kept->revision.store(0);
    }
  }
  for (const std::int64_t number : numbers) {
    {
      const std::lock_guard lock(mutex_);
      if (kept_.contains(number)) continue;
    }
    if (!lock_->HeldByOthers(number)) Bury(number);
  }
}

// The owner is gone, and its number never comes again: nothing can have changed since.
void Core::Bury(std::int64_t number) {
  (void)Write(After(kLookTimeout), [&](Writing& writing) { return writing.EraseKept(number); });
}

}  // namespace plugreload::sqlite
