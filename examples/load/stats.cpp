#include "load/stats.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "http/json_text.hpp"

namespace example {
namespace {

double Seconds(Clock::duration duration) { return std::chrono::duration<double>(duration).count(); }

// {"key":value,...}, with each value as `to_text` writes it.
template <typename Map, typename ToText>
std::string Object(const Map& map, const ToText& to_text) {
  std::string out = "{";
  for (const auto& [key, value] : map) {
    fmt::format_to(std::back_inserter(out), "{}{}:{}", out.size() > 1 ? "," : "", Quote(key),
                   to_text(value));
  }
  return out + '}';
}

std::string CountsText(const std::map<std::string, std::uint64_t>& counts) {
  return Object(counts, [](std::uint64_t count) { return count; });
}

}  // namespace

Stats::Stats(const std::vector<std::string>& namespaces) {
  for (const std::string& ns : namespaces) tenants_[ns];
  samples_.reserve(1 << 18);
}

void Stats::Add(const std::string& ns, const Outcome& outcome, Clock::duration latency) {
  Tenant& tenant = tenants_[ns];
  ++window_done_;
  if (!outcome.failure.empty()) {
    ++failed_;
    ++tenant.failed;
    ++failures_[outcome.failure.substr(0, 300)];
    return;
  }
  const double ms = Seconds(latency) * 1000;
  ++ok_;
  ++tenant.ok;
  ++tenant.versions[outcome.version];
  ++tenant.generations[outcome.generation];
  ++tenant.window_versions[outcome.version];
  ++tenant.window_generations[outcome.generation];
  samples_.push_back({Seconds(Clock::now() - start_) - ms / 1000, static_cast<float>(ms)});
  window_max_ms_ = std::max(window_max_ms_, ms);
}

std::string Stats::Progress(std::size_t waiting) {
  const Clock::time_point now = Clock::now();
  const double seconds = std::max(Seconds(now - window_start_), 1e-3);
  const std::string tenants = Object(tenants_, [](const Tenant& tenant) {
    return fmt::format(R"({{"versions":{},"generations":{},"failed":{}}})",
                       CountsText(tenant.window_versions), CountsText(tenant.window_generations),
                       tenant.failed);
  });
  std::string line =
      fmt::format(R"({{"t":{:.2f},"sent":{},"ok":{},"failed":{},"rate":{:.0f},"waiting":{},)"
                  R"("window_max_ms":{:.2f},"namespaces":{}}})",
                  Seconds(now - start_), sent_, ok_, failed_,
                  static_cast<double>(window_done_) / seconds, waiting, window_max_ms_, tenants);
  for (auto& [ns, tenant] : tenants_) {
    tenant.window_versions.clear();
    tenant.window_generations.clear();
  }
  window_start_ = now;
  window_done_ = 0;
  window_max_ms_ = 0;
  return line;
}

std::string Stats::Final() {
  std::vector<float> sorted;
  for (const Sample& sample : samples_) sorted.push_back(sample.ms);
  std::sort(sorted.begin(), sorted.end());
  const auto quantile = [&sorted](double q) {
    if (sorted.empty()) return 0.0F;
    const double index = q * static_cast<double>(sorted.size() - 1);
    return sorted[static_cast<std::size_t>(index)];
  };
  const std::string tenants = Object(tenants_, [](const Tenant& tenant) {
    return fmt::format(R"({{"ok":{},"failed":{},"versions":{},"generations":{}}})", tenant.ok,
                       tenant.failed, CountsText(tenant.versions), CountsText(tenant.generations));
  });
  return fmt::format(R"({{"final":true,"seconds":{:.2f},"sent":{},"ok":{},"failed":{},)"
                     R"("latency_ms":{{"p50":{:.2f},"p99":{:.2f},"p999":{:.2f},"max":{:.2f}}},)"
                     R"("namespaces":{},"failures":{}}})",
                     Seconds(Clock::now() - start_), sent_, ok_, failed_, quantile(0.5),
                     quantile(0.99), quantile(0.999), quantile(1), tenants, CountsText(failures_));
}

void Stats::WriteSamples(const std::string& file) const {
  std::ofstream out(file);
  for (const Sample& sample : samples_)
    out << fmt::format("{:.4f} {:.3f}\n", sample.second, sample.ms);
  out.close();
  if (!out) throw std::runtime_error("cannot write " + file);
}

}  // namespace example
