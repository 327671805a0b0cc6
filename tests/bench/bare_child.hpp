// tests/bench/bare_child.hpp - the least that starting and stopping a process costs.
#ifndef PLUGRELOAD_TESTS_BENCH_BARE_CHILD_HPP_
#define PLUGRELOAD_TESTS_BENCH_BARE_CHILD_HPP_

#include <string>

namespace plugreload::bench {

// clone with VM, VFORK and PIDFD, the first line of its stdout, SIGTERM, and reaped: what nobody
// can do without. Its socket is in `directory`, and removed again. False: something failed.
bool BareCycle(const std::string& program, const std::string& directory);
// The same, adding what it takes to the line and from the signal on, in microseconds.
struct BareCost {
  double start = 0, stop = 0;
};
bool BareParts(const std::string& program, const std::string& directory, BareCost& cost);
// With posix_spawn and waitpid.
bool SpawnCycle(const std::string& program, const std::string& directory);

}  // namespace plugreload::bench

#endif  // PLUGRELOAD_TESTS_BENCH_BARE_CHILD_HPP_
