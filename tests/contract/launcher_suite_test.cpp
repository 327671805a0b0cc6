// The same promises of the seam, asked of each launcher.
#include "contract/launcher_suite.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace plugreload::test {
namespace {

struct Contract {
  LeakCheck leaks;
  std::unique_ptr<Kind> kind;
  explicit Contract(const KindUnderTest& under_test) : kind(under_test.make(leaks)) {}
};

#define FOR_EACH_LAUNCHER                                                       \
  const std::vector<KindUnderTest> kinds = LaunchersUnderTest();                \
  const std::size_t which = GENERATE_COPY(range(std::size_t{0}, kinds.size())); \
  INFO(kinds[which].name);                                                      \
  Contract contract(kinds[which]);                                              \
  Kind& kind = *contract.kind

TEST_CASE("a started instance is ready and stops", "[launch][contract]") {
  FOR_EACH_LAUNCHER;
  auto instance = MustStart(kind.launcher(), kind.good());
  CHECK(kind.Serves(*instance));
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
  FOR_EACH_LAUNCHER;
  auto instance = MustStart(kind.launcher(), kind.good());
  kind.DropLauncher();
  CHECK(kind.Serves(*instance));
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

}  // namespace
}  // namespace plugreload::test
