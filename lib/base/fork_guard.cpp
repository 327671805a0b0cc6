#include "base/fork_guard.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <string>

namespace plugreload::internal {
namespace {
std::size_t PageSize() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }
}  // namespace

ForkGuard::ForkGuard() {
  void* page =
      mmap(nullptr, PageSize(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return;
  if (madvise(page, PageSize(), MADV_WIPEONFORK) != 0) {
    munmap(page, PageSize());
    return;
  }
  page_ = static_cast<volatile int*>(page);
  *page_ = 1;
}

ForkGuard::~ForkGuard() {
  if (page_ != nullptr) munmap(const_cast<int*>(page_), PageSize());
}

Status ForkGuard::Check(const char* what) const {
  if (!forked()) return {};
  return Status(Code::kFailedPrecondition, "forked",
                std::string(what) +
                    " was called in a forked copy of the process; create the "
                    "runtime after the fork");
}

}  // namespace plugreload::internal
