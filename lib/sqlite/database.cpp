#include "sqlite/database.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <system_error>
#include <utility>

namespace plugreload::sqlite {
namespace {

constexpr Millis kRetry{10};         // for a lock, when no bell tells that it is free
constexpr int kStepsPerLook = 4096;  // of SQLite's machine, between looks at the clock

bool Passed(Deadline deadline) { return std::chrono::steady_clock::now() >= deadline; }

std::string ErrnoOf(sqlite3* handle) {
  const int error = handle == nullptr ? 0 : sqlite3_system_errno(handle);
  return error == 0 ? "" : ": " + std::generic_category().message(error);
}

}  // namespace

Result<std::unique_ptr<Database>> Database::Open(const std::string& path, const LockFile* lock,
                                                 Deadline deadline) {
  sqlite3* handle = nullptr;
  const int result =
      sqlite3_open_v2(path.c_str(), &handle,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (handle == nullptr) {
    return Status(Code::kResourceExhausted, "out_of_memory", "no memory to open the store");
  }
  std::unique_ptr<Database> database(new Database(handle, path, lock));
  if (result != SQLITE_OK) return database->StatusOf(result);
  // SQLite opens what it may not write for reading alone, and says so at the first write.
  if (sqlite3_db_readonly(handle, "main") != 0) return database->StatusOf(SQLITE_READONLY);
  database->Until(deadline);
  sqlite3_busy_handler(handle, &Database::OnBusy, database.get());
  sqlite3_progress_handler(handle, kStepsPerLook, &Database::OnProgress, database.get());
  // A database of somebody else must not be changed by being looked at.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  return database;
}

Database::~Database() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

Status Database::Prepare() {
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  Query mode(*this, "PRAGMA journal_mode = WAL");
  const bool wal = mode.Step() && mode.Blob(0) == "wal";
  if (Status status = mode.status(); !status.ok()) return status;
  if (!wal) {
    return Status(Code::kFailedPrecondition, "store_directory",
                  fmt::format("the file system of {} has no shared memory, which several processes "
                              "need: choose a local one",
                              path_));
  }
  if (Status status = Run("PRAGMA synchronous = FULL"); !status.ok()) return status;
  // The log is as long as the longest burst was, unless it is cut.
  Query limit(*this, "PRAGMA journal_size_limit = 4194304");
  limit.Step();
  return limit.status();
}

Status Database::Run(const char* sql) { return Query(*this, sql).Run(); }

Result<std::int64_t> Database::Number(const char* sql) {
  Query query(*this, sql);
  if (query.Step()) return query.Number(0);
  if (Status status = query.status(); !status.ok()) return status;
  return Status(Code::kDataLoss, "store_corrupt",
                fmt::format("{} lacks a row that every store has", path_));
}

bool Database::Moved() const {
  int moved = 0;
  return sqlite3_file_control(handle_, "main", SQLITE_FCNTL_HAS_MOVED, &moved) == SQLITE_OK &&
         moved != 0;
}

Status Database::StatusOf(int result) const {
  // Never sqlite3_errmsg of a statement with values: it may quote what must not be in a log.
  const std::string what = std::string(sqlite3_errstr(result)) + ErrnoOf(handle_);
  const auto failed = [&](Code code, std::string_view reason, std::string_view hint) {
    return Status(code, reason, fmt::format("the store {}{} ({})", path_, hint, what));
  };
  switch (result & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
      return {};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return failed(Code::kDeadlineExceeded, "deadline_exceeded",
                    " was locked by another process until the deadline");
    case SQLITE_INTERRUPT:
      return failed(Code::kDeadlineExceeded, "deadline_exceeded",
                    " did not answer before the deadline");
    case SQLITE_FULL:
      return failed(Code::kResourceExhausted, "store_full", ": the disk is full");
    case SQLITE_NOMEM:
      return failed(Code::kResourceExhausted, "out_of_memory", ": there is not enough memory");
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return failed(Code::kFailedPrecondition, "store_read_only",
                    " cannot be written: look at the owner and mode of it, of its directory, and "
                    "at how its file system is mounted");
    case SQLITE_CANTOPEN:
      if (const int error = sqlite3_system_errno(handle_); error == EMFILE || error == ENFILE) {
        return failed(Code::kResourceExhausted, "no_descriptor",
                      " cannot be opened: there are too many open files");
      }
      return failed(Code::kFailedPrecondition, "store_directory",
                    " cannot be opened: look at its directory, in which its log must be made");
    case SQLITE_NOTADB:
      return failed(Code::kFailedPrecondition, "store_foreign",
                    " is no database, or its beginning is damaged");
    case SQLITE_CORRUPT:
      return failed(Code::kDataLoss, "store_corrupt",
                    " is damaged: restore a backup, or remove the file to begin anew");
    case SQLITE_IOERR:
      return failed(Code::kUnavailable, "store_io", ": the disk failed");
    default:
      return failed(Code::kInternal, "store_sql", " refused a statement");
  }
}

int Database::OnBusy(void* self, int) {
  const auto* database = static_cast<Database*>(self);
  const auto now = std::chrono::steady_clock::now();
  if (now >= database->deadline_) return 0;
  const Millis pause = std::min(
      kRetry,
      std::chrono::ceil<Millis>(std::min(database->deadline_ - now, Deadline::duration(kRetry))));
  if (database->lock_ != nullptr) {
    database->lock_->Wait(database->lock_->Rings(), pause);
  } else {
    const timespec time{0, static_cast<long>(pause.count() * 1'000'000)};
    nanosleep(&time, nullptr);
  }
  return 1;
}

int Database::OnProgress(void* self) { return Passed(static_cast<Database*>(self)->deadline_); }

Query::Query(Database& database, const char* sql) : database_(database) {
  sqlite3_stmt*& cached = database_.statements_[sql];
  if (cached == nullptr) {
    result_ =
        sqlite3_prepare_v3(database_.handle_, sql, -1, SQLITE_PREPARE_PERSISTENT, &cached, nullptr);
  }
  statement_ = cached;
}

Query::~Query() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

Query& Query::Bind(std::int64_t number) {
  if (result_ == SQLITE_OK) result_ = sqlite3_bind_int64(statement_, ++bound_, number);
  return *this;
}

Query& Query::Bind(std::string_view blob) {
  // A null pointer would bind NULL; an empty text is a value.
  const char* data = blob.data() == nullptr ? "" : blob.data();
  if (result_ == SQLITE_OK) {
    result_ = sqlite3_bind_blob64(statement_, ++bound_, data, blob.size(), SQLITE_STATIC);
  }
  return *this;
}

Query& Query::BindNull() {
  if (result_ == SQLITE_OK) result_ = sqlite3_bind_null(statement_, ++bound_);
  return *this;
}

bool Query::Step() {
  if (result_ == SQLITE_OK || result_ == SQLITE_ROW) result_ = sqlite3_step(statement_);
  return result_ == SQLITE_ROW;
}

bool Query::Unwritten() const {
  switch (result_ & 0xff) {
    case SQLITE_FULL:
    case SQLITE_BUSY:
    case SQLITE_INTERRUPT:
    case SQLITE_NOMEM:
    case SQLITE_READONLY:
      return true;
    default:
      return result_ == SQLITE_IOERR_WRITE;
  }
}

std::int64_t Query::Number(int column) const { return sqlite3_column_int64(statement_, column); }

std::string Query::Blob(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  const int size = sqlite3_column_bytes(statement_, column);
  return data == nullptr
             ? std::string()
             : std::string(static_cast<const char*>(data), static_cast<std::size_t>(size));
}

bool Query::IsNull(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

Transaction::~Transaction() {
  if (!open_) return;
  // Always: a rollback that the deadline stopped would leave the file locked.
  database_.Until(Deadline::max());
  (void)database_.Run("ROLLBACK");
}

Status Transaction::Begin(Kind kind) {
  // A writer locks at once: one that read first could not wait for another, only fail.
  Status status = database_.Run(kind == Kind::kWrite ? "BEGIN IMMEDIATE" : "BEGIN");
  open_ = status.ok();
  return status;
}

Status Transaction::Commit() {
  Query commit(database_, "COMMIT");
  commit.Step();
  const Status status = commit.status();
  if (status.ok()) open_ = false;
  // What could not be written is not there. What could not be flushed may be.
  if (status.ok() || commit.Unwritten()) return status;
  return Status(Code::kUnknown, "store_io",
                fmt::format("whether the change was made shows when the store is opened again: {}",
                            status.message()));
}

}  // namespace plugreload::sqlite
