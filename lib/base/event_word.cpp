#include "base/event_word.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <ctime>

namespace plugreload::internal {
namespace {

const std::uint32_t* Address(const std::atomic<std::uint32_t>& word) {
  static_assert(sizeof(word) == sizeof(std::uint32_t) &&
                std::atomic<std::uint32_t>::is_always_lock_free);
  return reinterpret_cast<const std::uint32_t*>(&word);
}

}  // namespace

void EventWord::Wake() noexcept {
  word_.fetch_add(1, std::memory_order_seq_cst);
  if (sleepers_.load(std::memory_order_seq_cst) == 0) return;
  syscall(SYS_futex, Address(word_), FUTEX_WAKE_PRIVATE, INT_MAX, nullptr, nullptr, 0);
}

void EventWord::Wait(std::uint32_t seen, Deadline deadline) const {
  using std::chrono::nanoseconds;
  const Deadline now = std::chrono::steady_clock::now();
  if (deadline <= now) return;
  const auto left = std::min<nanoseconds>(deadline - now, std::chrono::hours(24));
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  timespec timeout{};
  timeout.tv_sec = static_cast<time_t>(seconds.count());
  timeout.tv_nsec = static_cast<long>((left - seconds).count());
  sleepers_.fetch_add(1, std::memory_order_seq_cst);
  syscall(SYS_futex, Address(word_), FUTEX_WAIT_PRIVATE, seen, &timeout, nullptr, 0);
  sleepers_.fetch_sub(1, std::memory_order_seq_cst);
}

}  // namespace plugreload::internal
