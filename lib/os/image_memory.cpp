#include "os/image_memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <new>
#include <string>
#include <utility>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

namespace plugreload::internal {
namespace {

constexpr std::size_t kRoom = 256 * 1024;

// MFD_EXEC is refused by kernels before 6.3 (then memory files are executable anyway) and by a
// machine with vm.memfd_noexec=2.
Fd NewMemoryFile(bool& executable) {
  constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  executable = true;
  Fd fd(memfd_create("plugin", kFlags | MFD_EXEC));
  if (!fd.valid() && errno == EINVAL) fd.Reset(memfd_create("plugin", kFlags));
  if (!fd.valid() && (errno == EACCES || errno == EPERM)) {
    executable = false;
    fd.Reset(memfd_create("plugin", kFlags | MFD_NOEXEC_SEAL));
  }
  return fd;
}

Status NoMemoryFile(int error) {
  return Status(Code::kResourceExhausted, "spawn_failed",
                "cannot make a memory file: " + ErrnoText(error));
}

// Through the mapping, as large pages are made. A host that forks meanwhile would otherwise keep it
// writable in its child, and no seal could be set.
LargePages Map(const Fd& fd, std::size_t size) {
  LargePages pages(size);
  if (mmap(pages.data(), pages.size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd.get(),
           0) == MAP_FAILED ||
      madvise(pages.data(), pages.size(), MADV_DONTFORK) != 0) {
    throw std::bad_alloc();
  }
  return pages;
}

}  // namespace

Status WriteAt(const Fd& file, std::string_view bytes, std::size_t offset) {
  while (!bytes.empty()) {
    const auto written = pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      return Status(Code::kResourceExhausted, "spawn_failed",
                    "cannot write a private copy: " + ErrnoText(errno));
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
    offset += static_cast<std::size_t>(written);
  }
  return {};
}

Result<ImageMemory> ImageMemory::Make(std::size_t size, bool mapped) {
  ImageMemory memory;
  memory.size_ = size;
  memory.fd_ = NewMemoryFile(memory.executable_);
  if (!memory.fd_.valid() || ftruncate(memory.fd_.get(), static_cast<off_t>(size)) != 0) {
    return NoMemoryFile(errno);
  }
  try {
    if (mapped && size != 0) memory.mapping_ = Map(memory.fd_, size);
    memory.large_ = mapped;
  } catch (const std::bad_alloc&) {
    // A limit of address space: then by writing.
  }
  return memory;
}

// A page can only be made large where there is one already; both calls, unlike a write by this
// program, fail where there is no memory.
bool ImageMemory::OnLargePage() {
  constexpr std::size_t kWorthIt = LargePages::kSize / 2;
  char* const page = static_cast<char*>(mapping_.data()) + filled_;
  return size_ - filled_ >= kWorthIt && madvise(page, 1, MADV_POPULATE_WRITE) == 0 &&
         madvise(page, LargePages::kSize, MADV_COLLAPSE) == 0;
}

std::span<char> ImageMemory::Room() {
  const std::size_t room = std::min(kRoom, size_ - filled_);
  if (room == 0) return {};
  const std::size_t within = filled_ % LargePages::kSize;
  // What the kernel refused once it is not asked for again.
  if (within == 0) large_ = large_ && OnLargePage();
  if (large_) {
    return {static_cast<char*>(mapping_.data()) + filled_,
            std::min(room, LargePages::kSize - within)};
  }
  // Usual pages are cheaper by a write than by a page fault each.
  between_.resize(room);
  return between_;
}

Status ImageMemory::Filled(std::size_t count) {
  if (!large_) {
    Status status = WriteAt(fd_, std::string_view(between_.data(), count), filled_);
    if (!status.ok()) return status;
  }
  filled_ += count;
  return {};
}

Result<Fd> ImageMemory::Seal() && {
  mapping_ = LargePages();
  constexpr int kSeals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  if (fcntl(fd_.get(), F_ADD_SEALS, kSeals) != 0) {
    return Status(errno == EBUSY ? Code::kAborted : Code::kUnavailable, "spawn_failed",
                  "cannot seal a memory file: " + ErrnoText(errno));
  }
  return std::move(fd_);
}

}  // namespace plugreload::internal
