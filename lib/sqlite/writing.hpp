// sqlite/writing.hpp - one commit: a transaction that becomes the next revision.
#ifndef PLUGRELOAD_SQLITE_WRITING_HPP_
#define PLUGRELOAD_SQLITE_WRITING_HPP_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "plugreload/store.hpp"
#include "sqlite/database.hpp"

namespace plugreload::sqlite {

// What is kept of the past.
struct Limits {
  std::size_t commits = 0;
  std::size_t bytes = 0;
};

// Begun with Begin, made with Finish; whatever fails before leaves the store as it was.
class Writing {
 public:
  Writing(Database& database, const Limits& limits)
      : database_(database), limits_(limits), transaction_(database) {}

  // Waits for other writers.
  Status Begin();
  // Of a document; 0: there is none.
  Result<Revision> RevisionOf(std::string_view key);
  Status Put(std::string_view key, std::string_view value,
             std::optional<std::int64_t> keeper = std::nullopt);
  // Nothing when there is no such document.
  Status Erase(std::string_view key);
  // The document of a keeper, if it is still there.
  Status EraseKept(std::int64_t keeper);
  // A number that no document ever had.
  std::int64_t NextKeeper() { return next_keeper_++; }
  // The new revision; the old one when nothing was changed.
  Result<Revision> Finish();

 private:
  Status Log(std::string_view key, std::optional<std::string_view> value);
  Status Trim();

  Database& database_;
  const Limits& limits_;
  Transaction transaction_;
  Revision revision_ = 0;  // of this commit
  Revision compacted_ = 0;
  std::int64_t log_bytes_ = 0;
  std::int64_t next_keeper_ = 0;
  int items_ = 0;
};

}  // namespace plugreload::sqlite

#endif  // PLUGRELOAD_SQLITE_WRITING_HPP_
