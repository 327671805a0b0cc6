// base/unix_time.hpp - the time of day, as reports and documents carry it.
#ifndef PLUGRELOAD_BASE_UNIX_TIME_HPP_
#define PLUGRELOAD_BASE_UNIX_TIME_HPP_

#include <cstdint>

namespace plugreload::internal {

// Of the system's clock, which may be set forward and back: for people, never to measure with.
//
// Thread safety: safe for concurrent use.
std::int64_t UnixMillis();

// A seam for tests: from now on UnixMillis is off by so much.
void ShiftUnixClock(std::int64_t millis);

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_BASE_UNIX_TIME_HPP_
