// The same promises of the seam, asked of each built-in launcher.
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "launcher_fixture.hpp"

namespace plugreload::test {
namespace {

// A launcher with specs that behave in a known way, and a way to end an instance from outside.
class Kind {
 public:
  virtual ~Kind() = default;
  virtual Launcher& launcher() = 0;
  virtual LaunchSpec good() = 0;
  virtual LaunchSpec never_ready() = 0;  // until its start is cancelled
  virtual LaunchSpec failing() = 0;
  virtual void End(const PluginInstance& instance) = 0;
};

class ProcessKind : public Kind {
 public:
  explicit ProcessKind(const LeakCheck& leaks) : launcher_(MustMake(LauncherOptions(leaks))) {}
  Launcher& launcher() override { return *launcher_; }
  LaunchSpec good() override { return Spec("good"); }
  LaunchSpec never_ready() override { return Spec("never_prints"); }
  LaunchSpec failing() override { return Spec("dies_before_line"); }
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
  LaunchSpec good() override { return Named("good"); }
  LaunchSpec never_ready() override { return Named("never"); }
  LaunchSpec failing() override { return Named("failing"); }
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

struct Contract {
  LeakCheck leaks;
  std::unique_ptr<Kind> kind;
  explicit Contract(const std::string& name) {
    if (name == "process") {
      kind = std::make_unique<ProcessKind>(leaks);
    } else {
      kind = std::make_unique<CallbackKind>();
    }
  }
};

#define FOR_EACH_LAUNCHER                                                      \
  const std::string name = GENERATE(as<std::string>(), "process", "callback"); \
  INFO(name);                                                                  \
  Contract contract(name);                                                     \
  Kind& kind = *contract.kind

TEST_CASE("a started instance is ready and stops", "[launch][contract]") {
  FOR_EACH_LAUNCHER;
  auto instance = MustStart(kind.launcher(), kind.good());
  const InstanceInfo& info = instance->info();
  CHECK((info.object != nullptr || HttpGet(info.endpoint, "/").status == 200));
  CHECK(instance->Stop(After(kPatience)).ok());
}

TEST_CASE("stopping twice, and from two threads, is stopping once", "[launch][contract]") {
  FOR_EACH_LAUNCHER;
  auto instance = MustStart(kind.launcher(), kind.good());
  Status first;
  Status second;
  std::thread other([&] { first = instance->Stop(After(kPatience)); });
  second = instance->Stop(After(kPatience));
  other.join();
  CHECK(first.ok());
  CHECK(second.ok());
  CHECK(instance->Stop(After(kPatience)).ok());
}

TEST_CASE("the destructor stops", "[launch][contract]") {
  FOR_EACH_LAUNCHER;
  MustStart(kind.launcher(), kind.good()).reset();
}

TEST_CASE("an instance may outlive its launcher", "[launch][contract]") {
  LeakCheck leaks;
  auto launcher = MustMake(LauncherOptions(leaks));
  auto instance = MustStart(*launcher, Spec("good"));
  launcher.reset();
  CHECK(HttpGet(instance->info().endpoint, "/").status == 200);
}

TEST_CASE("a cancel ends a start soon", "[launch][contract]") {
  FOR_EACH_LAUNCHER;
  std::stop_source source;
  StartContext context = Context(Millis{600'000});
  context.cancel = source.get_token();
  std::thread canceller([&] { source.request_stop(); });
  const auto before = std::chrono::steady_clock::now();
  const auto result = kind.launcher().Start(kind.never_ready(), context);
  canceller.join();
  CHECK(result.status().code() == Code::kCancelled);
  CHECK(result.status().reason() == "cancelled");
  CHECK(std::chrono::steady_clock::now() - before < kPatience);
}

TEST_CASE("a start that is cancelled before it begins starts nothing", "[launch][contract]") {
  FOR_EACH_LAUNCHER;
  std::stop_source source;
  source.request_stop();
  StartContext context = Context();
  context.cancel = source.get_token();
  CHECK(kind.launcher().Start(kind.good(), context).status().code() == Code::kCancelled);
}

TEST_CASE("a start that fails says why and tells no exit", "[launch][contract]") {
  FOR_EACH_LAUNCHER;
  Exits exits;
  StartContext context = Context();
  context.on_exit = exits.Callback();
  const auto result = kind.launcher().Start(kind.failing(), context);
  CHECK(result.status().code() == Code::kUnavailable);
  CHECK_FALSE(result.status().reason().empty());
  CHECK(exits.count() == 0);
}

TEST_CASE("an instance that ends by itself is told once, and stopping it is fine",
          "[launch][contract]") {
  FOR_EACH_LAUNCHER;
  Exits exits;
  StartContext context = Context();
  context.on_exit = exits.Callback();
  auto instance = MustStart(kind.launcher(), kind.good(), context);
  kind.End(*instance);
  const auto exit = exits.Wait();
  REQUIRE(exit.has_value());
  CHECK(exit->exit_code == 7);
  CHECK_FALSE(exit->signal.has_value());
  CHECK_FALSE(exit->detail.empty());
  CHECK(instance->Stop(After(kPatience)).ok());
  instance.reset();
  CHECK(exits.count() == 1);
}

TEST_CASE("a stop is no exit to tell", "[launch][contract]") {
  FOR_EACH_LAUNCHER;
  Exits exits;
  StartContext context = Context();
  context.on_exit = exits.Callback();
  auto instance = MustStart(kind.launcher(), kind.good(), context);
  CHECK(instance->Stop(After(kPatience)).ok());
  instance.reset();
  CHECK(exits.count() == 0);
}

TEST_CASE("an instance may be destroyed in the call that tells its exit", "[launch][contract]") {
  FOR_EACH_LAUNCHER;
  std::mutex mutex;
  std::condition_variable changed;
  std::unique_ptr<PluginInstance> instance;
  bool destroyed = false;
  StartContext context = Context();
  context.on_exit = [&](const InstanceExit&) {
    const std::lock_guard lock(mutex);
    instance.reset();
    destroyed = true;
    changed.notify_all();
  };
  PluginInstance* raw = nullptr;
  {
    const std::lock_guard lock(mutex);
    instance = MustStart(kind.launcher(), kind.good(), context);
    raw = instance.get();
  }
  kind.End(*raw);
  std::unique_lock lock(mutex);
  CHECK(changed.wait_for(lock, kPatience, [&] { return destroyed; }));
}

TEST_CASE("instances start and stop from several threads at once", "[launch][contract]") {
  FOR_EACH_LAUNCHER;
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) {
        auto result = kind.launcher().Start(kind.good(), Context());
        if (result.ok() && (*result)->Stop(After(kPatience)).ok()) good.fetch_add(1);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(good.load() == 20);
}

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
