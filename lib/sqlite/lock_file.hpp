// sqlite/lock_file.hpp - the file beside the store that tells of commits and of living owners.
#ifndef PLUGRELOAD_SQLITE_LOCK_FILE_HPP_
#define PLUGRELOAD_SQLITE_LOCK_FILE_HPP_

#include <cstdint>
#include <memory>
#include <string>

#include "plugreload/status.hpp"
#include "plugreload/types.hpp"

namespace plugreload::sqlite {

// Two things that all processes with the store open share:
//
// A bell, rung after every commit. It is a futex in a shared page, so that a waiter that looked at
// the count before it looked at the store cannot miss one. The alternatives: inotify on the -wal
// file tells of the write, which comes before other processes can see the commit, so whoever wakes
// by it finds nothing and sleeps on; it needs an inotify instance per store, of which a user has
// 128. Polling PRAGMA data_version costs a system call per millisecond of latency. A process that
// is killed between its commit and the bell does not ring it: so a wait has an end.
//
// A byte per kept document, locked by its owner. The kernel unlocks it when the owner is gone,
// however it went. The lock belongs to the open file (F_OFD_SETLK): other descriptors of the same
// process, of a second store, say, neither share nor drop it.
//
// Thread safety: safe for concurrent use.
class LockFile {
 public:
  // Makes the file when it is not there.
  static Result<std::unique_ptr<LockFile>> Open(const std::string& path);
  ~LockFile();
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;

  // How often the bell was rung.
  std::uint32_t Rings() const;
  void Ring() const;
  // Until it has been rung more often than `heard`, or `longest` has passed, or for no reason.
  void Wait(std::uint32_t heard, Millis longest) const;

  // Locks the byte of a number. False: somebody else has it.
  bool Hold(std::int64_t number) const;
  void Release(std::int64_t number) const;
  // Whether somebody else holds it: an own lock does not count.
  bool HeldByOthers(std::int64_t number) const;

 private:
  LockFile(int fd, std::uint32_t* bell) : fd_(fd), bell_(bell) {}

  const int fd_;
  std::uint32_t* const bell_;  // in the shared page
};

}  // namespace plugreload::sqlite

#endif  // PLUGRELOAD_SQLITE_LOCK_FILE_HPP_
