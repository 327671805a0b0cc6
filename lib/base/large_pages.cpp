#include "base/large_pages.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace plugreload::internal {

LargePages::LargePages(std::size_t bytes) : size_((bytes + kSize - 1) / kSize * kSize) {
  // A mapping may begin at any small page: a large one more, and what is too much goes back.
  const std::size_t mapped = size_ + kSize;
  void* const memory =
      mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  char* const begin = static_cast<char*>(memory);
  const std::size_t lead = -reinterpret_cast<std::uintptr_t>(memory) % kSize;
  if (lead != 0) munmap(begin, lead);
  munmap(begin + lead + size_, kSize - lead);
  data_ = begin + lead;
  // Refused by a kernel without them: then small ones it is.
  (void)madvise(data_, size_, MADV_HUGEPAGE);
}

LargePages::~LargePages() {
  if (data_ != nullptr) munmap(data_, size_);
}

}  // namespace plugreload::internal
