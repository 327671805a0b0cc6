// sqlite/schema.hpp - what the file holds, and how older files become like it.
#ifndef PLUGRELOAD_SQLITE_SCHEMA_HPP_
#define PLUGRELOAD_SQLITE_SCHEMA_HPP_

#include "plugreload/status.hpp"
#include "sqlite/database.hpp"

namespace plugreload::sqlite {

// A row of `store`: one for the whole file.
//   revision      of the last commit
//   compacted     of the last commit that `changes` has no more
//   log_bytes     of the keys and values in `changes`
//   next_keeper   never used before
// documents: as they are. A keeper's number while one keeps it.
// changes: what the commits did, for watchers. The id is revision * kItems + place in the commit,
// so that their order needs no index. No value: removed.
inline constexpr int kItems = 128;
static_assert(kItems >= 100, "a commit has up to 100 changes");

// Fills a file that is new and empty.
Status CreateSchema(Database& database);

// That the file is ours, of an age that this library knows, and sound; an older one is brought up
// to date. "store_foreign", "store_newer", "store_corrupt", before anything is written.
Status CheckSchema(Database& database);

}  // namespace plugreload::sqlite

#endif  // PLUGRELOAD_SQLITE_SCHEMA_HPP_
