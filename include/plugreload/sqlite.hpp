// plugreload/sqlite.hpp - the state store of one machine, in one SQLite file.
#ifndef PLUGRELOAD_SQLITE_HPP_
#define PLUGRELOAD_SQLITE_HPP_

#include <cstddef>
#include <memory>
#include <string>

#include "plugreload/export.hpp"
#include "plugreload/status.hpp"
#include "plugreload/store.hpp"
#include "plugreload/types.hpp"

namespace plugreload {

struct SqliteOptions {
  // Of the file; it is made when it is not there, its directory is not. On a local file system:
  // locks and shared memory do not work over a network.
  std::string path;
  // How long opening waits for others who have the file locked at the moment.
  Millis open_timeout{10'000};
  // What a watcher that starts late, or is slow, can still catch up on. Whoever commits next trims
  // to its own limits.
  std::size_t history = 10'000;                  // commits
  std::size_t history_bytes = 64 * 1024 * 1024;  // of keys and values
};

// Every document in one file. Any number of processes of one machine may have it open (the workers
// of one server, say) and see each other's commits as they are made. A commit that was acknowledged
// is on disk (fsync): neither kill -9 nor a power cut loses it. As StateStore says, and besides:
// - Commit waits for other writers until its deadline. kUnknown only when the disk fails while it
//   writes. A full disk is kResourceExhausted "store_full", and nothing was changed.
// - Keep needs no time to live: the kernel tells when an owner is gone, and another process with
//   the file open removes its documents within a second (or the next one that opens it).
//   Keeper::revision() is as old as half a second.
// - Threads: one, and one per watch, with every signal blocked.
//
// Beside the file lie -wal and -shm (SQLite's) and -lock (which tells of commits and owners). They
// belong together: remove, replace or truncate none of them while a process has the store open. To
// copy it, use SQLite's own backup. A host that opens and closes the file by itself takes this
// process's locks away. Make the store after fork.
//
// What is in the file is run: commands, arguments and environments of plugins. So it belongs to
// the user of this process alone, has mode 0600 (the others too), and its directory must be one
// that only trusted users write to. A file that others own or may read is refused, not tightened:
// it may have been read already.
//
// kInvalidArgument "invalid_sqlite_options". kFailedPrecondition: "store_directory" (missing, or no
// file can be made in it), "store_file" (owner, mode, no regular file), "store_foreign" (not made
// by this library), "store_newer" (by a later version of it), "store_read_only". kDataLoss
// "store_corrupt". kResourceExhausted "store_full", "no_thread". kDeadlineExceeded after
// `open_timeout`. A file that is refused is not changed.
PLUGRELOAD_EXPORT Result<std::shared_ptr<StateStore>> NewSqliteStore(SqliteOptions options);

}  // namespace plugreload

#endif  // PLUGRELOAD_SQLITE_HPP_
