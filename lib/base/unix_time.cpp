#include "base/unix_time.hpp"

#include <atomic>
#include <chrono>

namespace plugreload::internal {
namespace {

std::atomic<std::int64_t> shift{0};

}  // namespace

std::int64_t UnixMillis() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
             .count() +
         shift.load(std::memory_order_relaxed);
}

void ShiftUnixClock(std::int64_t millis) { shift.store(millis, std::memory_order_relaxed); }

}  // namespace plugreload::internal
