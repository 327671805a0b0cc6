// dispatch/metrics.hpp - what a runtime does and has done, as text and as JSON.
#ifndef PLUGRELOAD_DISPATCH_METRICS_HPP_
#define PLUGRELOAD_DISPATCH_METRICS_HPP_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/meters.hpp"
#include "json/json.hpp"
#include "reload/engine.hpp"

namespace plugreload::internal {

// One time series, or a histogram of some.
struct Metric {
  using Labels = std::vector<std::pair<std::string_view, std::string>>;
  struct Sample {
    Labels labels;
    double value = 0;
    const Histogram* histogram = nullptr;  // instead of the value
  };
  std::string_view name, kind, help;  // kind: "counter", "gauge", "histogram"
  std::vector<Sample> samples;
};

std::vector<Metric> CollectMetrics(Engine& engine, const Meters& meters);

// Prometheus' text format 0.0.4.
std::string PrometheusText(const std::vector<Metric>& metrics);
// As Vault's sys/metrics without a format: Timestamp, Gauges, Points, Counters, Samples.
Json MetricsJson(const std::vector<Metric>& metrics);

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_DISPATCH_METRICS_HPP_
