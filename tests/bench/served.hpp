// tests/bench/served.hpp - a whole runtime that serves a data set.
#ifndef PLUGRELOAD_TESTS_BENCH_SERVED_HPP_
#define PLUGRELOAD_TESTS_BENCH_SERVED_HPP_

#include <cstddef>
#include <memory>
#include <string>

#include "mounts.hpp"
#include "plugreload/runtime.hpp"

namespace plugreload::bench {

// One instance, global, for all mounts: an object of this program, or a process of `command`. They
// come from a store that holds them already, as after a restart. Ends the program when something is
// refused.
class Served {
 public:
  explicit Served(const DataSet& data, const char* command = "",
                  std::shared_ptr<Host> host = nullptr);
  ~Served();
  Served(const Served&) = delete;
  Served& operator=(const Served&) = delete;

  Runtime& runtime() { return *runtime_; }
  double start_ns() const { return start_ns_; }  // from the store to every mount serving
  // Of the heap, the store's copy not included.
  double bytes() const { return bytes_; }
  double bytes_per_mount() const { return bytes_ / static_cast<double>(mounts_); }
  ReloadReport Reload();                     // all of it
  void ReloadMount(const MountPath& mount);  // that one alone

 private:
  std::unique_ptr<Runtime> runtime_;
  std::size_t mounts_;
  double start_ns_ = 0, bytes_ = 0;
};

// Of this program, all its threads, and of its children that have been reaped.
struct Used {
  double micros = 0, switches = 0;
};
Used UsedSoFar();

// A directory that goes with the object: in memory where that is to be had, as /run is, where a
// host keeps such things.
class ScratchDirectory {
 public:
  ScratchDirectory();
  ~ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// By sha256sum, so that an image is read once and not by every start.
std::string Sha256Of(const std::string& file);

// Prints and ends the program.
[[noreturn]] void GiveUp(const Status& status);

}  // namespace plugreload::bench

#endif  // PLUGRELOAD_TESTS_BENCH_SERVED_HPP_
