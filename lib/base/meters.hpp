// base/meters.hpp - what a runtime has done, counted where it happens.
#ifndef PLUGRELOAD_BASE_METERS_HPP_
#define PLUGRELOAD_BASE_METERS_HPP_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "plugreload/host.hpp"

namespace plugreload::internal {

// How often something took at most so long, cumulated when it is read.
class Histogram {
 public:
  static constexpr std::array<double, 12> kBounds = {0.0001, 0.001, 0.005, 0.01, 0.05, 0.1,
                                                     0.5,    1,     5,     10,   60,   600};

  void Observe(double seconds) {
    std::size_t bucket = 0;
    while (bucket < kBounds.size() && seconds > kBounds[bucket]) ++bucket;
    buckets_[bucket].fetch_add(1, std::memory_order_relaxed);
    micros_.fetch_add(static_cast<std::uint64_t>(seconds * 1e6), std::memory_order_relaxed);
  }
  // Of the bucket behind kBounds[i - 1]; the last one has no bound.
  std::uint64_t bucket(std::size_t i) const { return buckets_[i].load(std::memory_order_relaxed); }
  double sum() const { return static_cast<double>(micros_.load(std::memory_order_relaxed)) / 1e6; }

 private:
  std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> buckets_{};
  std::atomic<std::uint64_t> micros_{0};
};

// Counts only grow. None of them is touched by a request that gets its lease at once.
//
// Thread safety: safe for concurrent use.
struct Meters {
  using Count = std::atomic<std::uint64_t>;
  static constexpr std::size_t kReloadStates = 6, kPhases = 4, kStatuses = 600;

  std::array<Count, 32> events{};  // by EventKind
  Count notifications_lost{0};
  Count restarts{0};
  std::array<Count, kReloadStates> reloads{};  // that ended, by ReloadState
  std::array<Histogram, kPhases> phases{};     // prepare, commit, drain, retire, by mount
  std::array<Count, kStatuses> dispatched{};   // by HTTP status

  static void Add(Count& count) { count.fetch_add(1, std::memory_order_relaxed); }
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_BASE_METERS_HPP_
