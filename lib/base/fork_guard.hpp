// base/fork_guard.hpp - recognises a forked copy of the process.
#ifndef PLUGRELOAD_BASE_FORK_GUARD_HPP_
#define PLUGRELOAD_BASE_FORK_GUARD_HPP_

#include "plugreload/status.hpp"

namespace plugreload::internal {

// The threads, locks and children of a runtime are the parent's: its forked copy must not act. A
// page that the kernel wipes in the child tells, for the price of a load (getpid costs 158 ns).
class ForkGuard {
 public:
  ForkGuard();
  ~ForkGuard();
  ForkGuard(const ForkGuard&) = delete;
  ForkGuard& operator=(const ForkGuard&) = delete;

  bool forked() const { return page_ != nullptr && *page_ == 0; }
  // kFailedPrecondition "forked" in a forked child.
  Status Check(const char* what) const;

 private:
  volatile int* page_ = nullptr;  // null: the kernel cannot (before 4.14), then nothing is noticed
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_BASE_FORK_GUARD_HPP_
