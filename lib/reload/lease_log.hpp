// reload/lease_log.hpp - which leases are held, since when and by whom, for hosts that want to
// know.
#ifndef PLUGRELOAD_RELOAD_LEASE_LOG_HPP_
#define PLUGRELOAD_RELOAD_LEASE_LOG_HPP_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/mutex.hpp"
#include "base/section.hpp"
#include "plugreload/reload.hpp"
#include "reload/generation.hpp"

namespace plugreload::internal {

// Only with RuntimeOptions::track_leases: a noted lease costs an allocation, a lock and a look at
// the clock. What a lease holds of it is its counter with a mark, so that the others pay for one
// test of a register.
//
// Thread safety: safe for concurrent use.
class LeaseLog {
 public:
  static constexpr std::size_t kMaxTagBytes = 64;

  LeaseLog() = default;
  // REQUIRES: no noted lease is held.
  ~LeaseLog() = default;
  LeaseLog(const LeaseLog&) = delete;
  LeaseLog& operator=(const LeaseLog&) = delete;

  // Takes note of a lease that begins now; what it holds instead of its counter. The counter itself
  // when memory is short: then the lease is counted, but not listed. REQUIRES: the lease is held.
  LeaseCounter* Note(const Generation* generation, LeaseCounter* counter,
                     const void* thread) noexcept;

  static bool IsNoted(const LeaseCounter* counter) {
    return (reinterpret_cast<std::uintptr_t>(counter) & kMark) != 0;
  }
  // Of a noted one: its counter, and it is not listed any more. Before the lease is counted as
  // ended, so that its generation is still its own.
  static LeaseCounter* Forget(LeaseCounter* noted) noexcept;
  // At most kMaxTagBytes of the tag are kept.
  static void Tag(LeaseCounter* noted, std::string_view tag) noexcept;

  // The leases on this generation that are listed, oldest first, `most` of them.
  std::vector<HeldLease> Of(const Generation* generation, std::size_t most) const;

 private:
  struct Entry;
  // By thread, so that threads seldom meet.
  struct alignas(64) Shard {
    mutable Mutex mutex;
    Entry* first PLUGRELOAD_GUARDED_BY(mutex) = nullptr;
  };
  static constexpr std::uintptr_t kMark = 1;  // counters are aligned
  static Entry* EntryOf(LeaseCounter* noted);

  std::array<Shard, 16> shards_;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_RELOAD_LEASE_LOG_HPP_
