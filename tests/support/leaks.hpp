// support/leaks.hpp - shows that a test left no descriptor, thread, process or file behind.
#ifndef PLUGRELOAD_TESTS_SUPPORT_LEAKS_HPP_
#define PLUGRELOAD_TESTS_SUPPORT_LEAKS_HPP_

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "plugreload/types.hpp"

namespace plugreload::test {

// Notes what this process has open when it is made, and compares when it is destroyed: whatever
// came and did not go fails the test. Declare it first, so that everything else is gone by then:
//
//   LeakCheck leaks;
//   auto runtime = Runtime::Create(TestOptions(leaks, host));
//
// What ends asynchronously has `patience` to do so. Processes that are left are killed, so that one
// failure does not disturb the next test.
//
// Thread safety: one thread, that of the test case.
class LeakCheck {
 public:
  explicit LeakCheck(Millis patience = Millis{10'000});
  ~LeakCheck();
  LeakCheck(const LeakCheck&) = delete;
  LeakCheck& operator=(const LeakCheck&) = delete;

  // A private, short directory for ProcessLauncherOptions::run_directory. Must be empty at the end.
  const std::string& run_directory() const { return run_directory_; }
  // A private directory for files of the test itself; removed at the end whatever is in it.
  const std::string& scratch() const { return scratch_; }
  // "PLUGRELOAD_TEST_MARKER=...": for ProcessLauncherOptions::env. No process anywhere may carry it
  // in its environment at the end, whoever its parent is.
  const std::string& marker() const { return marker_; }

  // What is left now, one line each; empty: nothing. Waits up to `patience` for it to go.
  std::string Leaks() const;
  // The same in the middle of a test, for what the caller counts itself: processes with the marker.
  std::set<int> MarkedProcesses() const;

 private:
  struct View {
    std::map<int, std::string> descriptors;  // number -> target
    std::map<int, std::string> threads;      // tid -> name
    std::map<int, std::string> processes;    // children, and whoever carries the marker
    std::set<std::string> files;             // of the run directory
  };
  View Look() const;
  std::string Compare(const View& now) const;

  Millis patience_;
  std::string root_, run_directory_, scratch_, marker_;
  int exceptions_ = 0;
  View before_;
};

}  // namespace plugreload::test

// In the middle of a test: everything that was started since `check` was made is gone again.
#define REQUIRE_NO_LEAKS(check) REQUIRE((check).Leaks() == "")

#endif  // PLUGRELOAD_TESTS_SUPPORT_LEAKS_HPP_
