// sqlite/file.hpp - where the file is, whose it is, and how a new one appears.
#ifndef PLUGRELOAD_SQLITE_FILE_HPP_
#define PLUGRELOAD_SQLITE_FILE_HPP_

#include <string>

#include "plugreload/status.hpp"
#include "plugreload/types.hpp"

namespace plugreload::sqlite {

// None of these opens the file: closing it would drop the locks that SQLite has on it for this
// process.

// The absolute path without links, so that everybody's -wal and -lock are the same ones.
// "invalid_sqlite_options", "store_directory".
Result<std::string> Locate(const std::string& path);

// Makes the file if there is none. It appears whole, with its schema, or not at all.
Status EnsureFile(const std::string& path, Deadline deadline);

// That the file and what lies beside it are this user's alone. "store_file".
Status CheckFiles(const std::string& path);

}  // namespace plugreload::sqlite

#endif  // PLUGRELOAD_SQLITE_FILE_HPP_
