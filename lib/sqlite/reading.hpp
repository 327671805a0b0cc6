// sqlite/reading.hpp - what is asked of the file, each as of one revision.
#ifndef PLUGRELOAD_SQLITE_READING_HPP_
#define PLUGRELOAD_SQLITE_READING_HPP_

#include <cstdint>
#include <string_view>
#include <vector>

#include "plugreload/store.hpp"
#include "sqlite/database.hpp"

namespace plugreload::sqlite {

Result<Snapshot> LoadDocuments(Database& database, std::string_view prefix);

// The next commits behind `after`, a few at a time, of which some may touch other prefixes alone.
struct Progress {
  std::vector<WatchBatch> batches;  // that touch the prefix
  Revision seen = 0;                // up to here; `after` when there is nothing new
};
// kOutOfRange "compacted".
Result<Progress> NextBatches(Database& database, std::string_view prefix, Revision after);

// The numbers of all documents that are kept.
Result<std::vector<std::int64_t>> KeptNumbers(Database& database);

}  // namespace plugreload::sqlite

#endif  // PLUGRELOAD_SQLITE_READING_HPP_
