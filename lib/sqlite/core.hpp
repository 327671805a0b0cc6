// sqlite/core.hpp - the open file: commits, loads, and the documents that are kept.
#ifndef PLUGRELOAD_SQLITE_CORE_HPP_
#define PLUGRELOAD_SQLITE_CORE_HPP_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>

#include "plugreload/sqlite.hpp"
#include "plugreload/store.hpp"
#include "sqlite/database.hpp"
#include "sqlite/lock_file.hpp"
#include "sqlite/thread.hpp"
#include "sqlite/writing.hpp"

namespace plugreload::sqlite {

// A document that this process keeps.
struct Kept {
  std::int64_t number = 0;
  std::string key;
  std::atomic<Revision> revision{0};  // 0: it is gone
};

// Shared by the store, its watchers and its keepers, which may outlive it. One thread of it looks
// twice a second for documents whose owner is gone, and for own ones that somebody removed.
//
// Thread safety: safe for concurrent use.
class Core {
 public:
  static Result<std::shared_ptr<Core>> Open(const SqliteOptions& options);
  ~Core();
  Core(const Core&) = delete;
  Core& operator=(const Core&) = delete;

  Result<Revision> Commit(std::span<const Change> changes, Deadline deadline);
  Result<Snapshot> Load(std::string_view prefix, Deadline deadline);
  Result<std::shared_ptr<Kept>> Keep(std::string_view key, std::string_view value,
                                     Deadline deadline);
  // Removes the document, or leaves that to whoever looks next.
  void EndKeep(const Kept& kept, Deadline deadline);

  // Another connection to the same file.
  Result<std::unique_ptr<Database>> Connect(Deadline deadline) const;
  const LockFile& lock() const { return *lock_; }
  // The store is gone; who waits for commits is woken.
  void Close();
  bool closed() const { return closed_.load(); }

 private:
  Core(const SqliteOptions& options, std::string path)
      : limits_{options.history, options.history_bytes}, path_(std::move(path)) {}
  Status Start(Deadline deadline);
  // Body(Writing&) -> Status, in a transaction of its own.
  template <typename Body>
  Result<Revision> Write(Deadline deadline, Body body);
  Result<std::shared_ptr<Kept>> Claim(Writing& writing, std::string_view key);
  void Drop(std::int64_t number);
  void Run();
  void Look();
  void Bury(std::int64_t number);

  const Limits limits_;
  const std::string path_;
  std::unique_ptr<LockFile> lock_;
  Turn writing_, reading_;
  std::unique_ptr<Database> writer_;  // whose turn `writing_` is
  std::unique_ptr<Database> reader_;  // whose turn `reading_` is
  std::atomic<bool> closed_{false};

  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stopping_ = false;                               // guarded by mutex_
  std::map<std::int64_t, std::shared_ptr<Kept>> kept_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace plugreload::sqlite

#endif  // PLUGRELOAD_SQLITE_CORE_HPP_
