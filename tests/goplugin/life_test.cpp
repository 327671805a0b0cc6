// What happens to a plugin that runs: what it writes, how it hangs, how it ends.
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "fixture.hpp"

namespace plugreload::test {
namespace {

constexpr auto kMtls = GoPluginSecurity::kAutoMtls;
constexpr auto kPlain = GoPluginSecurity::kPlain;

// Lines with their fields.
class Records {
 public:
  struct Line {
    LogLevel level;
    std::string instance, message, fields;
  };
  std::function<void(const LogRecord&)> Callback() {
    return [this](const LogRecord& record) {
      Line line{record.level, std::string(record.instance), std::string(record.message), ""};
      for (const LogField& field : record.fields) {
        line.fields += std::string(field.name) + "=" + std::string(field.value) + ";";
      }
      const std::lock_guard lock(mutex_);
      lines_.push_back(std::move(line));
      changed_.notify_all();
    };
  }
  // The first line whose message is exactly this.
  std::optional<Line> Wait(const std::string& message) {
    std::unique_lock lock(mutex_);
    std::optional<Line> found;
    changed_.wait_for(lock, kPatience, [&] {
      for (const Line& line : lines_) {
        if (line.message == message) found = line;
      }
      return found.has_value();
    });
    return found;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Line> lines_;
};

struct Running {
  LeakCheck leaks;
  Records records;
  Exits exits;
  std::shared_ptr<Launcher> launcher;
  std::unique_ptr<PluginInstance> instance;

  explicit Running(const std::string& program, GoPluginSecurity security = kPlain,
                   const std::function<void(GoPluginLauncherOptions&)>& tweak = {})
      : Running(GoPluginSpec(program), security, tweak) {}
  explicit Running(const LaunchSpec& spec, GoPluginSecurity security,
                   const std::function<void(GoPluginLauncherOptions&)>& tweak = {}) {
    GoPluginLauncherOptions options = GoPluginOptions(leaks, security);
    options.process.log = records.Callback();
    if (tweak) tweak(options);
    launcher = MustMakeGoPlugin(std::move(options));
    StartContext context = Context();
    context.on_exit = exits.Callback();
    instance = MustStart(*launcher, spec, context);
  }
  std::shared_ptr<grpc::Channel> channel() const { return ChannelOf(instance->info()); }
  pid_t pid() const { return static_cast<pid_t>(instance->info().pid); }
};

TEST_CASE("what a Go plugin logs arrives with level and fields", "[goplugin][log]") {
  Running run("kv_go_1.0.0");
  REQUIRE(KvWrite(run.channel(),
                  R"({"@level":"warn","@message":"low on space","@module":"kv","free":17,)"
                  R"("paths":["/a","/b"],"why":"full"})"
                  "\n")
              .ok());
  const auto line = run.records.Wait("low on space");
  REQUIRE(line.has_value());
  CHECK(line->level == LogLevel::kWarn);
  CHECK(line->instance == "kv-1");
  CHECK(line->fields == R"(@module=kv;free=17;paths=["/a","/b"];why=full;)");
}

TEST_CASE("a line that ends Go hosts is a line like any other", "[goplugin][log]") {
  Running run("kv_go_1.0.0");
  for (const std::string line :
       {R"({"@message":1})", R"({"@message":"a","@level":1})", R"({"@message":null})",
        R"({"@message":"a"}{)", R"([1,2])", R"({"@message":{"a":1}})", "{", "{}"}) {
    INFO(line);
    REQUIRE(KvWrite(run.channel(), line + "\n").ok());
    const auto raw = run.records.Wait(line);
    REQUIRE(raw.has_value());
    CHECK(raw->fields.empty());
  }
  CHECK(KvGet(run.channel(), "k").status.ok());
}

TEST_CASE("brackets without end, long lines and no newline do not hurt", "[goplugin][log]") {
  Running run("kv_go_1.0.0");
  REQUIRE(KvWrite(run.channel(), "{\"@message\":" + std::string(60'000, '[') + "\n").ok());
  REQUIRE(KvWrite(run.channel(), std::string(300'000, 'x') + "\n").ok());
  REQUIRE(KvWrite(run.channel(), "[WARN] behind\n").ok());
  const auto line = run.records.Wait("behind");
  REQUIRE(line.has_value());
  CHECK(line->level == LogLevel::kWarn);
  REQUIRE(KvWrite(run.channel(), "panic: oh\ntrace\n").ok());
  CHECK(run.records.Wait("trace")->level == LogLevel::kError);
  CHECK(KvGet(run.channel(), "k").status.ok());
}

TEST_CASE("what a plugin writes to stdout after its line is read", "[goplugin][log]") {
  Running run("kv_go_1.0.0");
  REQUIRE(KvWrite(run.channel(), "on stdout\n", true).ok());
  CHECK(run.records.Wait("on stdout").has_value());
}

TEST_CASE("a plugin with a stdio stream is read through it", "[goplugin][log]") {
  Running run(OddSpec("stdio"), kPlain);
  REQUIRE(KvWrite(run.channel(), "first\nsec", true).ok());
  REQUIRE(KvWrite(run.channel(), "ond\n", true).ok());
  CHECK(run.records.Wait("first").has_value());
  CHECK(run.records.Wait("second").has_value());
}

// Some write so much while they start that they stand still until somebody reads.
TEST_CASE("a stdio stream is read before its plugin serves", "[goplugin][log]") {
  Running run(OddSpec("stdio waits_for_reader"), kPlain);
  CHECK(KvGet(run.channel(), "k").status.ok());
}

TEST_CASE("a crash is told with its exit status", "[goplugin][end]") {
  Running run("kv_go_1.0.0", kMtls);
  KvCrash(run.channel());
  const auto exit = run.exits.Wait();
  REQUIRE(exit.has_value());
  CHECK(exit->exit_code == 7);
}

TEST_CASE("a Go plugin asked to end does so by itself", "[goplugin][end]") {
  // No signal could be it: the kernel would have to wait for a minute.
  Running run("kv_go_1.0.0", kMtls,
              [](GoPluginLauncherOptions& options) { options.shutdown_timeout = Millis{20'000}; });
  const auto before = std::chrono::steady_clock::now();
  CHECK(run.instance->Stop(After(Millis{60'000})).ok());
  CHECK(std::chrono::steady_clock::now() - before < Millis{20'000});
  CHECK(run.exits.count() == 0);
  CHECK_FALSE(KvGet(run.channel(), "k").status.ok());
}

TEST_CASE("a plugin without a controller is ended by signals", "[goplugin][end]") {
  Running run(OddSpec("no_controller"), kPlain);
  CHECK(run.instance->Stop(After(kPatience)).ok());
}

TEST_CASE("a plugin whose controller never answers is ended by signals", "[goplugin][end]") {
  Running run(OddSpec("deaf"), kPlain,
              [](GoPluginLauncherOptions& options) { options.shutdown_timeout = Millis{100}; });
  CHECK(run.instance->Stop(After(kPatience)).ok());
}

TEST_CASE("a stopped process is gone within the deadlines", "[goplugin][end]") {
  const std::string program = GENERATE("kv_go_1.0.0", "kv.py", "kv_cpp");
  INFO(program);
  Running run(program, kMtls, [](GoPluginLauncherOptions& options) {
    options.shutdown_timeout = Millis{200};
    options.health_interval = Millis{60'000};
  });
  REQUIRE(kill(run.pid(), SIGSTOP) == 0);
  CHECK(run.instance->Stop(After(kPatience)).ok());
  CHECK(run.leaks.MarkedProcesses().empty());
}

TEST_CASE("an instance that no longer answers is told, and then stopped", "[goplugin][health]") {
  const std::string program = GENERATE("kv_go_1.0.0", "kv.py", "kv_cpp");
  INFO(program);
  Running run(program, kMtls, [](GoPluginLauncherOptions& options) {
    options.shutdown_timeout = Millis{100};
    options.health_interval = Millis{20};
    options.health_timeout = Millis{100};
    options.health_failures = 2;
  });
  REQUIRE(kill(run.pid(), SIGSTOP) == 0);
  const auto exit = run.exits.Wait();
  REQUIRE(exit.has_value());
  CHECK_FALSE(exit->exit_code.has_value());
  CHECK(Contains(exit->detail, "health check failed 2 times"));
  CHECK(run.instance->Stop(After(kPatience)).ok());
  run.instance.reset();
  CHECK(run.exits.count() == 1);
}

TEST_CASE("a start makes no threads that the one before it did not leave", "[goplugin][end]") {
  LeakCheck leaks;
  const auto launcher = MustMakeGoPlugin(GoPluginOptions(leaks, GENERATE(kMtls, kPlain)));
  // gRPC's pool, which it would end with its last channel and make anew with the next.
  const auto pool = [] {
    std::set<std::string> threads;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
      std::ifstream file(task.path() / "comm");
      std::string name;
      if (std::getline(file, name) && (name == "event_engine" || name == "timer_manager")) {
        threads.insert(task.path().filename());
      }
    }
    return threads;
  };
  const auto first = MustStart(*launcher, GoPluginSpec("kv_go_1.0.0"));
  const std::set<std::string> before = pool();
  CHECK_FALSE(before.empty());
  CHECK(first->Stop(After(kPatience)).ok());
  const auto second = MustStart(*launcher, GoPluginSpec("kv_go_1.0.0"));
  const std::set<std::string> after = pool();
  CHECK(std::includes(after.begin(), after.end(), before.begin(), before.end()));
  CHECK(second->Stop(After(kPatience)).ok());
}

TEST_CASE("an instance that answers is asked again and again", "[goplugin][health]") {
  Running run("kv_go_1.0.0", kMtls, [](GoPluginLauncherOptions& options) {
    options.health_interval = Millis{1};
    options.health_failures = 1;
  });
  for (int i = 0; i < 200; ++i) REQUIRE(KvGet(run.channel(), "k").status.ok());
  CHECK(run.exits.count() == 0);
}

}  // namespace
}  // namespace plugreload::test
