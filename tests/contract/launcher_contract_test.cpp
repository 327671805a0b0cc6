// The launchers built in, for the suite, and what the callback one promises besides.
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "contract/launcher_suite.hpp"

namespace plugreload::test {
namespace {

class ProcessKind : public Kind {
 public:
  explicit ProcessKind(const LeakCheck& leaks) : launcher_(MustMake(LauncherOptions(leaks))) {}
  Launcher& launcher() override { return *launcher_; }
  void DropLauncher() override { launcher_.reset(); }
  LaunchSpec good() override { return Spec("good"); }
  LaunchSpec never_ready() override { return Spec("never_prints"); }
  LaunchSpec failing() override { return Spec("dies_before_line"); }
  bool Serves(const PluginInstance& instance) override {
    return HttpGet(instance.info().endpoint, "/").status == 200;
  }
  void End(const PluginInstance& instance) override { HttpGet(instance.info().endpoint, "/exit"); }

 private:
  std::shared_ptr<Launcher> launcher_;
};

struct HostObject {
  std::function<void(const InstanceExit&)> on_exit;
};

class CallbackKind : public Kind {
 public:
  CallbackKind() {
    CallbackLauncherOptions options;
    options.start = [this](const LaunchSpec& spec, const StartContext& context) {
      return StartObject(spec, context);
    };
    options.stop = [this](const std::shared_ptr<void>&, Deadline) {
      stops_.fetch_add(1);
      return Status();
    };
    launcher_ = NewCallbackLauncher(std::move(options));
  }
  ~CallbackKind() override { CHECK(stops_.load() == starts_.load()); }
  Launcher& launcher() override { return *launcher_; }
  void DropLauncher() override { launcher_.reset(); }
  LaunchSpec good() override { return Named("good"); }
  LaunchSpec never_ready() override { return Named("never"); }
  LaunchSpec failing() override { return Named("failing"); }
  bool Serves(const PluginInstance& instance) override { return instance.info().object != nullptr; }
  void End(const PluginInstance& instance) override {
    InstanceExit exit;
    exit.exit_code = 7;
    exit.detail = "the object ended";
    static_cast<HostObject*>(instance.info().object)->on_exit(exit);
  }

 private:
  static LaunchSpec Named(std::string name) {
    LaunchSpec spec;
    spec.plugin.ref.name = std::move(name);
    return spec;
  }
  Result<std::shared_ptr<void>> StartObject(const LaunchSpec& spec, const StartContext& context) {
    if (spec.plugin.ref.name == "failing") return Status(Code::kUnavailable, "no", "does not want");
    if (spec.plugin.ref.name == "never") {
      std::mutex mutex;
      std::condition_variable_any cancelled;
      std::unique_lock lock(mutex);
      cancelled.wait(lock, context.cancel, [] { return false; });
      return Status(Code::kCancelled, "cancelled", "given up");
    }
    starts_.fetch_add(1);
    return std::shared_ptr<void>(std::make_shared<HostObject>(HostObject{context.on_exit}));
  }

  std::shared_ptr<Launcher> launcher_;
  std::atomic<int> starts_{0};
  std::atomic<int> stops_{0};
};

}  // namespace

std::vector<KindUnderTest> LaunchersUnderTest() {
  return {{"process", [](const LeakCheck& leaks) { return std::make_unique<ProcessKind>(leaks); }},
          {"callback", [](const LeakCheck&) { return std::make_unique<CallbackKind>(); }}};
}

namespace {

TEST_CASE("a callback that throws or gives nothing fails the start", "[launch][callback]") {
  LeakCheck leaks;
  CallbackLauncherOptions options;
  SECTION("throws") {
    options.start = [](const LaunchSpec&, const StartContext&) -> Result<std::shared_ptr<void>> {
      throw std::runtime_error("oh");
    };
  }
  SECTION("no object") {
    options.start = [](const LaunchSpec&, const StartContext&) -> Result<std::shared_ptr<void>> {
      return std::shared_ptr<void>();
    };
  }
  const auto launcher = NewCallbackLauncher(std::move(options));
  CHECK(launcher->Start({}, Context()).status().code() == Code::kInternal);
}

TEST_CASE("an object that a cancelled start still makes is stopped", "[launch][callback]") {
  LeakCheck leaks;
  std::stop_source source;
  int stops = 0;
  std::weak_ptr<void> object;
  CallbackLauncherOptions options;
  options.start = [&](const LaunchSpec&, const StartContext&) -> Result<std::shared_ptr<void>> {
    auto made = std::make_shared<int>(1);
    object = made;
    source.request_stop();
    return std::shared_ptr<void>(std::move(made));
  };
  options.stop = [&](const std::shared_ptr<void>& what, Deadline) {
    CHECK(what != nullptr);
    ++stops;
    return Status();
  };
  StartContext context = Context();
  context.cancel = source.get_token();
  const auto launcher = NewCallbackLauncher(std::move(options));
  CHECK(launcher->Start({}, context).status().code() == Code::kCancelled);
  CHECK(stops == 1);
  CHECK(object.expired());
}

TEST_CASE("an object that ended while it started is stopped and not told", "[launch][callback]") {
  LeakCheck leaks;
  int stops = 0;
  CallbackLauncherOptions options;
  options.start = [](const LaunchSpec&, const StartContext& context) {
    context.on_exit(InstanceExit{1, std::nullopt, "too early"});
    return Result<std::shared_ptr<void>>(std::make_shared<int>(1));
  };
  options.stop = [&](const std::shared_ptr<void>&, Deadline) {
    ++stops;
    return Status();
  };
  Exits exits;
  StartContext context = Context();
  context.on_exit = exits.Callback();
  const auto launcher = NewCallbackLauncher(std::move(options));
  const auto result = launcher->Start({}, context);
  CHECK(result.status().reason() == "exited");
  CHECK(Contains(result.status().message(), "too early"));
  CHECK(stops == 1);
  CHECK(exits.count() == 0);
}

}  // namespace
}  // namespace plugreload::test
