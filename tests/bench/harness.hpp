// tests/bench/harness.hpp - interleaved rounds, and the rows that come of them.
#ifndef PLUGRELOAD_TESTS_BENCH_HARNESS_HPP_
#define PLUGRELOAD_TESTS_BENCH_HARNESS_HPP_

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace plugreload::bench {

// Keeps a value that nothing else uses.
template <typename T>
void Keep(const T& value) {
  asm volatile("" : : "r,m"(value) : "memory");
}

// 0, which no compiler knows: what is anded with it and added to an index makes a loop wait for it.
std::uint64_t Zero();

// Nanoseconds of the calling thread on a processor: what neighbours of a busy machine do to it is
// the cache they take, not the time they run. Nanoseconds of the wall for everything that waits.
double CpuNow();
double WallNow();

// Nanoseconds per operation of `loop(operations)`, of processor time.
template <typename Loop>
double CpuPer(std::size_t operations, const Loop& loop) {
  const double start = CpuNow();
  loop(operations);
  return (CpuNow() - start) / static_cast<double>(operations);
}
// The mean over threads that begin together, each after a short run for its own first-time costs.
double CpuPerOnThreads(int threads, std::size_t operations,
                       const std::function<void(std::size_t)>& loop);

// What malloc has given out, and what is used of mappings that ask for large pages, which the
// library alone does here.
double HeapBytes();

double Median(std::vector<double> values);
double Quantile(std::vector<double> values, double q);

// Ways of doing something, each measured once in every round, in an order that is shuffled anew:
// what the machine does in one round it does to all of them.
class Rounds {
 public:
  using Way = std::size_t;
  // `measure` returns the cost of one operation, in the unit of the rows.
  Way Add(std::string name, std::function<double()> measure);
  // Another cost of the same runs: `read` is called behind each of them.
  Way AddBeside(Way way, std::string name, std::function<double()> read);
  void Run(int rounds);

  const std::string& name(Way way) const { return ways_[way].name; }
  const std::vector<double>& costs(Way way) const { return ways_[way].costs; }

 private:
  struct OneWay {
    std::string name;
    std::function<double()> measure;
    std::vector<double> costs;
    Way measured = 0;  // whose runs these costs are of; mostly its own
  };
  std::vector<OneWay> ways_;
};

// What a program has to tell: rows of ours beside a limit or a peer, and figures without one.
// Options: --json FILE, --rounds N.
class Report {
 public:
  Report(int argc, char** argv, std::string program, int rounds);

  int rounds() const { return rounds_; }
  // The median of the ratios of each round, `scale` times ours to the other; 10th and 90th
  // percentile beside it. The bar is the most that it may be; 0: none.
  void Compare(std::string row, const Rounds& rounds, Rounds::Way ours, Rounds::Way other,
               double bar, double scale = 1, std::string unit = "ns");
  // A figure by itself; with a bar, the most that it may be.
  void Figure(std::string name, double value, std::string unit, double bar = 0);
  // One line of a table, in JSON alone: costs against size.
  void Point(std::string table, double size, std::string name, double value, std::string unit);
  void Note(std::string text);

  // Writes the JSON file. Exit status of the program: 0 unless it cannot be written.
  int Finish();

 private:
  struct Row {
    std::string name, ours, other, unit;
    double ours_cost = 0, other_cost = 0, ratio = 0, low = 0, high = 0, bar = 0;
  };
  static std::string Json(const Row& row);

  std::string program_, file_;
  int rounds_;
  std::vector<std::string> rows_, figures_, points_, notes_;
};

}  // namespace plugreload::bench

#endif  // PLUGRELOAD_TESTS_BENCH_HARNESS_HPP_
