// contract/launcher_suite.hpp - the launchers that the contract suite runs on.
#ifndef PLUGRELOAD_TESTS_CONTRACT_LAUNCHER_SUITE_HPP_
#define PLUGRELOAD_TESTS_CONTRACT_LAUNCHER_SUITE_HPP_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "contract/launcher_fixture.hpp"

namespace plugreload::test {

// A launcher with specs that behave in a known way, and a way to end an instance from outside.
class Kind {
 public:
  virtual ~Kind() = default;
  virtual Launcher& launcher() = 0;
  virtual void DropLauncher() = 0;
  virtual LaunchSpec good() = 0;
  virtual LaunchSpec never_ready() = 0;  // until its start is cancelled
  virtual LaunchSpec failing() = 0;
  virtual bool Serves(const PluginInstance& instance) = 0;
  // Makes it end by itself, with exit status 7.
  virtual void End(const PluginInstance& instance) = 0;
};

struct KindUnderTest {
  std::string name;
  std::function<std::unique_ptr<Kind>(const LeakCheck&)> make;
};

// A launcher is done when every case passes on it. Defined by each program that has the suite.
std::vector<KindUnderTest> LaunchersUnderTest();

}  // namespace plugreload::test

#endif  // PLUGRELOAD_TESTS_CONTRACT_LAUNCHER_SUITE_HPP_
