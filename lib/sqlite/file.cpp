#include "sqlite/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <memory>
#include <system_error>

#include "sqlite/database.hpp"
#include "sqlite/schema.hpp"

namespace plugreload::sqlite {
namespace {

std::string Text(int error) { return std::generic_category().message(error); }

Status BadDirectory(const std::string& path, std::string_view what, int error) {
  const bool full = error == ENOSPC || error == EDQUOT;
  return Status(full ? Code::kResourceExhausted : Code::kFailedPrecondition,
                full ? "store_full" : "store_directory",
                fmt::format("the store {} {}: {}", path, what, Text(error)));
}

// Empty when it cannot be resolved; errno says why.
std::string Resolve(const std::string& path) {
  char resolved[PATH_MAX];
  return realpath(path.c_str(), resolved) == nullptr ? "" : resolved;
}

std::string DirectoryOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// A file with another name, and what SQLite lays beside it, until it is given its own.
class Draft {
 public:
  explicit Draft(const std::string& path) : path_(path + "-new-XXXXXX") {}
  ~Draft() {
    if (!made_) return;
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) unlink((path_ + suffix).c_str());
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  // False: errno says why.
  bool Make() {
    const int fd = mkostemp(path_.data(), O_CLOEXEC);  // mode 0600
    if (fd < 0) return false;
    made_ = true;
    close(fd);
    return true;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool made_ = false;
};

Status Fill(const std::string& path, Deadline deadline) {
  auto database = Database::Open(path, nullptr, deadline);
  if (!database.ok()) return database.status();
  if (Status status = (*database)->Prepare(); !status.ok()) return status;
  return CreateSchema(**database);
}

// That a name of it is on disk.
Status SyncDirectory(const std::string& path) {
  const int fd = open(DirectoryOf(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = fd >= 0 && fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) close(fd);
  return synced ? Status()
                : BadDirectory(path, "was made, but its directory cannot be synced", error);
}

Status CheckFile(const std::string& path) {
  struct stat file;
  if (lstat(path.c_str(), &file) != 0) {
    if (errno == ENOENT) return {};
    return BadDirectory(path, "cannot be looked at", errno);
  }
  const auto refuse = [&](std::string_view why) {
    return Status(Code::kFailedPrecondition, "store_file",
                  fmt::format("nothing was opened: {} {}", path, why));
  };
  if (!S_ISREG(file.st_mode)) return refuse("is not a regular file");
  if (file.st_uid != geteuid()) {
    return refuse(
        fmt::format("belongs to user {}, and this process is user {}: what is in it is "
                    "run as a plugin",
                    file.st_uid, geteuid()));
  }
  if ((file.st_mode & 077) != 0) {
    return refuse(
        fmt::format("has mode {:04o}: others may read the environment of plugins or "
                    "choose what is run; make it 0600",
                    file.st_mode & 07777));
  }
  return {};
}

}  // namespace

Result<std::string> Locate(const std::string& path) {
  if (path.empty() || path.find('\0') != std::string::npos || path.back() == '/') {
    return Status(Code::kInvalidArgument, "invalid_sqlite_options",
                  "path of the SQLite store must name a file");
  }
  // A link to a file that is there leads to it; one to nowhere is refused by CheckFiles.
  if (std::string resolved = Resolve(path); !resolved.empty()) return resolved;
  const std::string directory = Resolve(DirectoryOf(path));
  if (directory.empty()) return BadDirectory(path, "has a directory that is missing", errno);
  const std::size_t slash = path.rfind('/');
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (name == "." || name == "..") return BadDirectory(path, "names no file", EISDIR);
  return (directory == "/" ? "" : directory) + "/" + name;
}

Status EnsureFile(const std::string& path, Deadline deadline) {
  struct stat there;
  // The log first: somebody else may make the file, and then its log, between the two looks.
  const bool log = lstat((path + "-wal").c_str(), &there) == 0;
  if (lstat(path.c_str(), &there) == 0) return {};
  if (errno != ENOENT) return BadDirectory(path, "cannot be looked at", errno);
  if (log) {
    return Status(Code::kFailedPrecondition, "store_file",
                  fmt::format("nothing was made: {} is gone, but {}-wal with its last commits is "
                              "there; restore the one or remove the other",
                              path, path));
  }
  Draft draft(path);
  if (!draft.Make()) return BadDirectory(path, "cannot be made", errno);
  if (Status status = Fill(draft.path(), deadline); !status.ok()) {
    return status.WithContext("making a new store");
  }
  // Somebody else who made it meanwhile was faster, and made the same.
  if (link(draft.path().c_str(), path.c_str()) != 0 && errno != EEXIST) {
    return BadDirectory(path, "cannot be made", errno);
  }
  return SyncDirectory(path);
}

Status CheckFiles(const std::string& path) {
  for (const char* suffix : {"", "-wal", "-shm", "-lock"}) {
    if (Status status = CheckFile(path + suffix); !status.ok()) return status;
  }
  return {};
}

}  // namespace plugreload::sqlite
