// tests/bench/go_peer.hpp - a measuring program in Go, asked for one measurement at a time.
#ifndef PLUGRELOAD_TESTS_BENCH_GO_PEER_HPP_
#define PLUGRELOAD_TESTS_BENCH_GO_PEER_HPP_

#include <cstddef>
#include <cstdio>
#include <string>

namespace plugreload::bench {

// Ends with the object, by the end of its stdin. Thread safety: one thread.
class GoPeer {
 public:
  // Ends this program when it cannot be started.
  GoPeer(const std::string& program, std::size_t mounts);
  ~GoPeer();
  GoPeer(const GoPeer&) = delete;
  GoPeer& operator=(const GoPeer&) = delete;

  double Measure(int threads);  // nanoseconds

 private:
  int pid_ = -1;
  std::FILE* in_ = nullptr;
  std::FILE* out_ = nullptr;
};

}  // namespace plugreload::bench

#endif  // PLUGRELOAD_TESTS_BENCH_GO_PEER_HPP_
