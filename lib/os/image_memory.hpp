// os/image_memory.hpp - a memory file that a program is copied to and executed from.
#ifndef PLUGRELOAD_OS_IMAGE_MEMORY_HPP_
#define PLUGRELOAD_OS_IMAGE_MEMORY_HPP_

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "base/large_pages.hpp"
#include "os/fd.hpp"
#include "plugreload/status.hpp"

namespace plugreload::internal {

// Writes all of `bytes`. kResourceExhausted "spawn_failed".
Status WriteAt(const Fd& file, std::string_view bytes, std::size_t offset);

// It lies on pages of 2 MiB where the kernel has them for memory files (Linux 6.1, MADV_COLLAPSE):
// a program of 12 MB is copied in half the time then, and starts with fewer page faults than from a
// disk. A last part that would leave more than half of its page empty is on usual pages, and all of
// it in a host whose address space has no room for it.
//
// Thread safety: for one thread; what is filled may be read by others.
class ImageMemory {
 public:
  // For a program of `size` bytes. Not `mapped`: no memory of this process, usual pages.
  // kResourceExhausted "spawn_failed".
  static Result<ImageMemory> Make(std::size_t size, bool mapped = true);

  std::size_t size() const { return size_; }
  bool whole() const { return filled_ == size_; }
  bool executable() const { return executable_; }  // false: the machine forbids it

  // Where the next bytes belong: at most 256 KiB; none when it is whole.
  std::span<char> Room();
  // The first `count` bytes of Room() are there.
  Status Filled(std::size_t count);
  // The bytes that are filled; null: they are in no memory of this process.
  const char* bytes() const { return static_cast<const char*>(mapping_.data()); }

  // Nobody can change it any more. Ends `bytes`. kAborted: another process has it mapped, a fork of
  // the host in the moment between the mapping and MADV_DONTFORK; of what is not mapped none can.
  Result<Fd> Seal() &&;

 private:
  ImageMemory() = default;
  bool OnLargePage();

  Fd fd_;
  LargePages mapping_;  // of the whole file, or of nothing
  std::size_t size_ = 0;
  std::size_t filled_ = 0;
  bool executable_ = true;
  bool large_ = false;         // where the next bytes belong
  std::vector<char> between_;  // on their way to usual pages
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_OS_IMAGE_MEMORY_HPP_
