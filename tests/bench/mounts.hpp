// tests/bench/mounts.hpp - the mounts and requests that look-ups are measured with.
#ifndef PLUGRELOAD_TESTS_BENCH_MOUNTS_HPP_
#define PLUGRELOAD_TESTS_BENCH_MOUNTS_HPP_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace plugreload::bench {

struct MountPath {
  std::string ns;    // "team-17/project-03/"
  std::string path;  // "kv-0001/"
};

// Its text has just come in, so all of it lies in one place.
struct Request {
  std::string_view ns, path, text;  // the text is both
  // Of the text: the mount's part without its last slash; 0: there is no mount.
  std::size_t known = 0;
  std::size_t mount = 0;  // index of it
};

// `count` mounts over a hundredth as many namespaces, 10,000 at most, two deep: 80% "kv-0001/", 12%
// "pki/x-1/", 8% three deep. Requests: 90% for a mount and something below it.
struct DataSet {
  explicit DataSet(std::size_t count);
  DataSet(const DataSet&) = delete;
  DataSet& operator=(const DataSet&) = delete;

  std::vector<std::string> namespaces;  // with those above them, these first
  std::vector<MountPath> mounts;
  std::vector<Request> requests;  // a power of two

 private:
  std::vector<std::string> texts_;
};

}  // namespace plugreload::bench

#endif  // PLUGRELOAD_TESTS_BENCH_MOUNTS_HPP_
