#include "sqlite/lock_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <ctime>
#include <system_error>

namespace plugreload::sqlite {
namespace {

constexpr std::size_t kPage = 4096;

static_assert(std::atomic_ref<std::uint32_t>::is_always_lock_free);

// Behind the page, so that no lock ever lies on the bell.
struct flock RangeOf(std::int64_t number, short type) {
  struct flock range {};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = static_cast<off_t>(kPage) + number;
  range.l_len = 1;
  return range;
}

Status Failed(const std::string& path, std::string_view step, int error) {
  const bool full = error == ENOSPC || error == EDQUOT;
  return Status(full ? Code::kResourceExhausted : Code::kFailedPrecondition,
                full ? "store_full" : "store_directory",
                fmt::format("cannot {} the lock file {} of the store: {}", step, path,
                            std::generic_category().message(error)));
}

}  // namespace

Result<std::unique_ptr<LockFile>> LockFile::Open(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return Failed(path, "open", errno);
  // Room for the page, or touching it would kill the process when the disk is full.
  if (const int error = posix_fallocate(fd, 0, kPage); error != 0) {
    close(fd);
    return Failed(path, "make room for", error);
  }
  void* page = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (page == MAP_FAILED) {
    const int error = errno;
    close(fd);
    return Failed(path, "map", error);
  }
  return std::unique_ptr<LockFile>(new LockFile(fd, static_cast<std::uint32_t*>(page)));
}

LockFile::~LockFile() {
  munmap(bell_, kPage);
  close(fd_);
}

std::uint32_t LockFile::Rings() const { return std::atomic_ref(*bell_).load(); }

void LockFile::Ring() const {
  std::atomic_ref(*bell_).fetch_add(1);
  syscall(SYS_futex, bell_, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

void LockFile::Wait(std::uint32_t heard, Millis longest) const {
  const auto ms = std::max<std::int64_t>(longest.count(), 0);
  const timespec timeout{static_cast<time_t>(ms / 1000), static_cast<long>(ms % 1000 * 1'000'000)};
  syscall(SYS_futex, bell_, FUTEX_WAIT, heard, &timeout, nullptr, 0);
}

bool LockFile::Hold(std::int64_t number) const {
  struct flock range = RangeOf(number, F_WRLCK);
  return fcntl(fd_, F_OFD_SETLK, &range) == 0;
}

void LockFile::Release(std::int64_t number) const {
  struct flock range = RangeOf(number, F_UNLCK);
  fcntl(fd_, F_OFD_SETLK, &range);
}

bool LockFile::HeldByOthers(std::int64_t number) const {
  struct flock range = RangeOf(number, F_WRLCK);
  // When it cannot be told, the owner gets the benefit of the doubt.
  return fcntl(fd_, F_OFD_GETLK, &range) != 0 || range.l_type != F_UNLCK;
}

}  // namespace plugreload::sqlite
