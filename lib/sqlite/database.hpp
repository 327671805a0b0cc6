// sqlite/database.hpp - one connection to the file, its statements, and its errors as statuses.
#ifndef PLUGRELOAD_SQLITE_DATABASE_HPP_
#define PLUGRELOAD_SQLITE_DATABASE_HPP_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "plugreload/status.hpp"
#include "plugreload/types.hpp"
#include "sqlite/lock_file.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace plugreload::sqlite {

// A connection. Whatever waits or runs in it ends at the deadline that was set last.
//
// Thread safety: one thread at a time.
class Database {
 public:
  // The file must exist. It is neither read nor written yet, but for what SQLite does to open it.
  // `lock` may be null; with it, who waits for another writer wakes by the other's bell.
  static Result<std::unique_ptr<Database>> Open(const std::string& path, const LockFile* lock,
                                                Deadline deadline);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  void Until(Deadline deadline) { deadline_ = deadline; }
  // WAL, a commit is on disk when it returns, and nothing in the file is trusted to be code.
  Status Prepare();

  Status Run(const char* sql);
  // The first column of the first row.
  Result<std::int64_t> Number(const char* sql);

  // Whether another file lies at the path now: what is committed here would be lost.
  bool Moved() const;
  // kOk for SQLITE_OK; else what happened, on which file.
  Status StatusOf(int result) const;

  const std::string& path() const { return path_; }

 private:
  friend class Query;
  Database(sqlite3* handle, std::string path, const LockFile* lock)
      : handle_(handle), path_(std::move(path)), lock_(lock) {}
  static int OnBusy(void* self, int count);
  static int OnProgress(void* self);

  sqlite3* const handle_;
  const std::string path_;
  const LockFile* const lock_;
  Deadline deadline_ = Deadline::max();
  std::map<const char*, sqlite3_stmt*> statements_;  // by their text, a literal
};

// One use of a statement: bind, step over its rows, end.
class Query {
 public:
  // `sql` is a literal: it is compiled once per connection.
  Query(Database& database, const char* sql);
  ~Query();
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;

  // The next parameter. The text is borrowed until the query ends.
  Query& Bind(std::int64_t number);
  Query& Bind(std::string_view blob);
  Query& BindNull();

  // True: there is a row. False: there is none any more, or it failed.
  bool Step();
  Status status() const { return database_.StatusOf(result_); }
  // Of statements without rows.
  Status Run() {
    Step();
    return status();
  }

  // Of a failed COMMIT: that it failed before all was written.
  bool Unwritten() const;

  std::int64_t Number(int column) const;
  std::string Blob(int column) const;
  bool IsNull(int column) const;

 private:
  Database& database_;
  sqlite3_stmt* statement_ = nullptr;
  int result_ = 0;
  int bound_ = 0;
};

// Rolls back unless it was committed.
class Transaction {
 public:
  enum class Kind { kRead, kWrite };
  explicit Transaction(Database& database) : database_(database) {}
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  Status Begin(Kind kind);
  // kUnknown "store_io": the disk failed so late that a restart may find it done. After any other
  // failure it is not done.
  Status Commit();

 private:
  Database& database_;
  bool open_ = false;
};

}  // namespace plugreload::sqlite

#endif  // PLUGRELOAD_SQLITE_DATABASE_HPP_
