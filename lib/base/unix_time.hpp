// base/unix_time.hpp - the time of day, as reports and documents carry it.
#ifndef PLUGRELOAD_BASE_UNIX_TIME_HPP_
#define PLUGRELOAD_BASE_UNIX_TIME_HPP_

#include <chrono>
#include <cstdint>

namespace plugreload::internal {

// Of the system's clock, which may be set back: for people, never to measure with.
inline std::int64_t UnixMillis() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_BASE_UNIX_TIME_HPP_
