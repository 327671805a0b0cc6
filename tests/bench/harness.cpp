#include "harness.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <malloc.h>

#include <algorithm>
#include <barrier>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <random>
#include <sstream>
#include <thread>
#include <utility>

namespace plugreload::bench {
namespace {

double Now(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

std::string Verdict(double value, double bar) {
  if (bar == 0) return "";
  return fmt::format("at most {:g}: {}", bar, value <= bar ? "holds" : "MISSED");
}

}  // namespace

std::uint64_t Zero() {
  static volatile std::uint64_t zero = 0;
  return zero;
}

double CpuNow() { return Now(CLOCK_THREAD_CPUTIME_ID); }
double WallNow() { return Now(CLOCK_MONOTONIC); }

double CpuPerOnThreads(int threads, std::size_t operations,
                       const std::function<void(std::size_t)>& loop) {
  std::vector<double> costs(static_cast<std::size_t>(threads));
  std::barrier ready(threads);
  std::vector<std::jthread> running;
  for (double& cost : costs) {
    running.emplace_back([&] {
      loop(operations / 100 + 1);
      ready.arrive_and_wait();
      cost = CpuPer(operations, loop);
    });
  }
  running.clear();
  return std::accumulate(costs.begin(), costs.end(), 0.0) / threads;
}

double Quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double at = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const auto above = std::min(below + 1, values.size() - 1);
  return values[below] + (values[above] - values[below]) * (at - static_cast<double>(below));
}
double Median(std::vector<double> values) { return Quantile(std::move(values), 0.5); }

double HeapBytes() {
  const auto heap = mallinfo2();
  auto bytes = static_cast<double>(heap.uordblks + heap.hblkhd);
  std::ifstream maps("/proc/self/smaps");
  std::string word;
  double used = 0;
  for (std::string line; std::getline(maps, line);) {
    std::istringstream words(line);
    words >> word;
    if (word == "Rss:") words >> used;
    if (word == "VmFlags:" && (line + ' ').find(" hg ") != std::string::npos) bytes += used * 1024;
  }
  return bytes;
}

Rounds::Way Rounds::Add(std::string name, std::function<double()> measure) {
  return AddBeside(ways_.size(), std::move(name), std::move(measure));
}

Rounds::Way Rounds::AddBeside(Way way, std::string name, std::function<double()> read) {
  ways_.push_back({std::move(name), std::move(read), {}, way});
  return ways_.size() - 1;
}

void Rounds::Run(int rounds) {
  std::vector<std::vector<OneWay*>> order(ways_.size());
  for (OneWay& way : ways_) order[way.measured].push_back(&way);
  std::minstd_rand random(20261);
  for (OneWay& way : ways_) way.measure();  // first-time costs are nobody's
  for (int round = 0; round < rounds; ++round) {
    std::shuffle(order.begin(), order.end(), random);
    for (const auto& together : order) {
      for (OneWay* way : together) way->costs.push_back(way->measure());
    }
  }
}

Report::Report(int argc, char** argv, std::string program, int rounds)
    : program_(std::move(program)), rounds_(rounds) {
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--json") file_ = argv[i + 1];
    if (name == "--rounds") rounds_ = std::max(1, std::atoi(argv[i + 1]));
  }
}

std::string Report::Json(const Row& row) {
  return fmt::format(R"({{"row":"{}","ours":"{}","other":"{}","unit":"{}","ours_cost":{:.5g},)"
                     R"("other_cost":{:.5g},"ratio":{:.4g},"low":{:.4g},"high":{:.4g},)"
                     R"("bar":{:g},"holds":{}}})",
                     row.name, row.ours, row.other, row.unit, row.ours_cost, row.other_cost,
                     row.ratio, row.low, row.high, row.bar,
                     row.bar == 0 ? "null" : (row.ratio <= row.bar ? "true" : "false"));
}

void Report::Compare(std::string name, const Rounds& rounds, Rounds::Way ours, Rounds::Way other,
                     double bar, double scale, std::string unit) {
  Row row{std::move(name), rounds.name(ours), rounds.name(other), std::move(unit)};
  row.bar = bar;
  std::vector<double> ratios;
  for (std::size_t i = 0; i < rounds.costs(ours).size(); ++i) {
    ratios.push_back(scale * rounds.costs(ours)[i] / rounds.costs(other)[i]);
  }
  row.ours_cost = scale * Median(rounds.costs(ours));
  row.other_cost = Median(rounds.costs(other));
  row.ratio = Median(ratios);
  row.low = Quantile(ratios, 0.1);
  row.high = Quantile(ratios, 0.9);
  fmt::print("{:<58} {:>9.4g} {:>9.4g} {:<3} {:>7.3g}x [{:.3g}..{:.3g}]  {}\n", row.name,
             row.ours_cost, row.other_cost, row.unit, row.ratio, row.low, row.high,
             Verdict(row.ratio, bar));
  std::fflush(stdout);
  rows_.push_back(Json(row));
}

void Report::Figure(std::string name, double value, std::string unit, double bar) {
  fmt::print("{:<58} {:>9.4g} {:<13} {}\n", name, value, unit, Verdict(value, bar));
  std::fflush(stdout);
  figures_.push_back(fmt::format(R"({{"name":"{}","value":{:.6g},"unit":"{}","bar":{:g},)"
                                 R"("holds":{}}})",
                                 name, value, unit, bar,
                                 bar == 0 ? "null" : (value <= bar ? "true" : "false")));
}

void Report::Point(std::string table, double size, std::string name, double value,
                   std::string unit) {
  points_.push_back(
      fmt::format(R"({{"table":"{}","size":{:g},"name":"{}","value":{:.6g},"unit":"{}"}})", table,
                  size, name, value, unit));
}

void Report::Note(std::string text) {
  fmt::print("{}\n", text);
  std::fflush(stdout);
  notes_.push_back(fmt::format(R"("{}")", text));
}

int Report::Finish() {
  if (file_.empty()) return 0;
  std::FILE* file = std::fopen(file_.c_str(), "w");
  if (file == nullptr) {
    std::perror(file_.c_str());
    return 1;
  }
  fmt::print(file,
             "{{\"program\":\"{}\",\"rounds\":{},\n\"rows\":[{}],\n\"figures\":[{}],\n"
             "\"points\":[{}],\n\"notes\":[{}]}}\n",
             program_, rounds_, fmt::join(rows_, ",\n"), fmt::join(figures_, ",\n"),
             fmt::join(points_, ",\n"), fmt::join(notes_, ",\n"));
  return std::fclose(file) == 0 ? 0 : 1;
}

}  // namespace plugreload::bench
