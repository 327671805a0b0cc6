// contract/launcher_fixture.hpp - a process launcher, specs for it, and what it tells.
#ifndef PLUGRELOAD_TESTS_CONTRACT_LAUNCHER_FIXTURE_HPP_
#define PLUGRELOAD_TESTS_CONTRACT_LAUNCHER_FIXTURE_HPP_

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugreload/launcher.hpp"
#include "support/catch.hpp"
#include "support/leaks.hpp"
#include "support/plugins.hpp"

namespace plugreload::test {

// How often and with what on_exit was called.
class Exits {
 public:
  std::function<void(const InstanceExit&)> Callback() {
    return [this](const InstanceExit& exit) {
      const std::lock_guard lock(mutex_);
      exits_.push_back(exit);
      changed_.notify_all();
    };
  }
  // The first one; nullopt when none came in time.
  std::optional<InstanceExit> Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kPatience, [this] { return !exits_.empty(); });
    if (exits_.empty()) return std::nullopt;
    return exits_.front();
  }
  std::size_t count() const {
    const std::lock_guard lock(mutex_);
    return exits_.size();
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<InstanceExit> exits_;
};

// Log lines of a launcher.
class LogLines {
 public:
  std::function<void(const LogRecord&)> Callback() {
    return [this](const LogRecord& record) { host_.Log(record); };
  }
  std::vector<std::string> lines() const { return host_.Lines(); }
  std::optional<std::string> Wait(std::string_view part) const { return host_.WaitLine(part); }

 private:
  RecordingHost host_;
};

inline ProcessLauncherOptions LauncherOptions(const LeakCheck& leaks) {
  ProcessLauncherOptions options;
  options.run_directory = leaks.run_directory();
  options.env = {leaks.marker()};
  return options;
}

inline std::shared_ptr<Launcher> MustMake(ProcessLauncherOptions options) {
  auto launcher = NewProcessLauncher(std::move(options));
  INFO(launcher.status().ToString());
  REQUIRE(launcher.ok());
  return *launcher;
}

inline LaunchSpec Spec(std::string_view program) {
  LaunchSpec spec;
  spec.plugin = TestPlugin(program);
  spec.command = spec.plugin.command;
  spec.handshake = {"TEST_COOKIE", "value", {1}};
  spec.instance = "kv-1";
  spec.mount = TestMount("team/", "kv/");
  return spec;
}

inline StartContext Context(Millis timeout = kPatience) {
  StartContext context;
  context.deadline = After(timeout);
  return context;
}

inline std::unique_ptr<PluginInstance> MustStart(Launcher& launcher, const LaunchSpec& spec,
                                                 const StartContext& context = Context()) {
  auto instance = launcher.Start(spec, context);
  INFO(instance.status().ToString());
  REQUIRE(instance.ok());
  return *std::move(instance);
}

inline bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

}  // namespace plugreload::test

#endif  // PLUGRELOAD_TESTS_CONTRACT_LAUNCHER_FIXTURE_HPP_
