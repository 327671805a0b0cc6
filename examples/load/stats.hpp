// load/stats.hpp - what the load client has seen, as JSON lines.
#ifndef EXAMPLES_LOAD_STATS_HPP_
#define EXAMPLES_LOAD_STATS_HPP_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "http/stream.hpp"
#include "load/connection.hpp"

namespace example {

class Stats {
 public:
  explicit Stats(const std::vector<std::string>& namespaces);

  void Sent() { ++sent_; }
  // `latency` counts from the moment the request should have been sent.
  void Add(const std::string& ns, const Outcome& outcome, Clock::duration latency);
  // One line about everything so far and about the time since the last line.
  std::string Progress(std::size_t waiting);
  std::string Final();
  // A line per answered request: the second it should have been sent in, and its milliseconds.
  // Throws when the file cannot be written.
  void WriteSamples(const std::string& file) const;

  std::uint64_t done() const { return ok_ + failed_; }

 private:
  using Counts = std::map<std::string, std::uint64_t>;
  struct Tenant {
    std::uint64_t ok = 0, failed = 0;
    Counts versions, generations;
    Counts window_versions, window_generations;  // since the last line
  };

  const Clock::time_point start_ = Clock::now();
  Clock::time_point window_start_ = start_;
  std::uint64_t sent_ = 0, ok_ = 0, failed_ = 0;
  std::uint64_t window_done_ = 0;
  double window_max_ms_ = 0;
  std::map<std::string, Tenant> tenants_;
  struct Sample {
    double second;
    float ms;
  };
  std::vector<Sample> samples_;
  Counts failures_;
};

}  // namespace example

#endif  // EXAMPLES_LOAD_STATS_HPP_
