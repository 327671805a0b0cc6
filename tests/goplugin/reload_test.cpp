// go-plugin plugins in a runtime: mounted, called, shared, and reloaded under load.
#include <signal.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "fixture.hpp"
#include "plugreload/runtime.hpp"

namespace plugreload::test {
namespace {

void Must(const Status& status) {
  INFO(status.ToString());
  REQUIRE(status.ok());
}

// A runtime with both kinds of launcher bound.
struct GoNode {
  LeakCheck leaks;
  std::shared_ptr<RecordingHost> host = std::make_shared<RecordingHost>();
  std::unique_ptr<Runtime> runtime;

  explicit GoNode(const std::function<void(GoPluginLauncherOptions&)>& tweak = {}) {
    RuntimeOptions options = TestOptions(leaks, host);
    for (const auto& [name, security] : {std::pair{"goplugin", GoPluginSecurity::kAutoMtls},
                                         std::pair{"goplugin_plain", GoPluginSecurity::kPlain}}) {
      GoPluginLauncherOptions launcher = GoPluginOptions(leaks, security);
      launcher.process.log = [to = host](const LogRecord& record) { to->Log(record); };
      if (tweak) tweak(launcher);
      options.launchers[name] = MustMakeGoPlugin(std::move(launcher));
    }
    auto created = Runtime::Create(std::move(options));
    INFO(created.status().ToString());
    REQUIRE(created.ok());
    runtime = *std::move(created);
  }
  ~GoNode() { CHECK(runtime->Close(After(kPatience)).ToString() == "OK"); }
  GoNode(const GoNode&) = delete;
  GoNode& operator=(const GoNode&) = delete;

  void Register(PluginSpec spec) { Must(runtime->registry().Register(std::move(spec))); }
  void Mount(const std::string& ns, const std::string& path) {
    Must(runtime->reloads().Mount(TestMount(ns, path), After(kPatience)).status());
  }
  PluginLease Lease(const std::string& ns, const std::string& path) {
    auto lease = runtime->reloads().Acquire(ns, path, kPatience);
    INFO(lease.status().ToString());
    REQUIRE(lease.ok());
    return *std::move(lease);
  }
  ReloadReport Reload(ReloadRequest request) {
    auto report = runtime->reloads().Reload(request);
    INFO(report.status().ToString());
    REQUIRE(report.ok());
    return *std::move(report);
  }
};

// Threads that ask for a key over and over, each call under a lease of its own.
class Load {
 public:
  Load(GoNode& node, int threads) : node_(node) {
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { Run(); });
  }
  ~Load() { Stop(); }
  void Stop() {
    stop_.store(true);
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }
  bool WaitRequests(std::uint64_t more) const {
    const std::uint64_t target = requests_.load() + more;
    const Deadline deadline = After(kPatience);
    for (std::uint64_t now = requests_.load(); now < target; now = requests_.load()) {
      if (std::chrono::steady_clock::now() >= deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }
  std::uint64_t requests() const { return requests_.load(); }
  std::uint64_t failed() const { return failed_.load(); }
  std::string why() const {
    const std::lock_guard lock(mutex_);
    return why_;
  }

 private:
  void Run() {
    while (!stop_.load()) {
      std::string why;
      auto lease = node_.runtime->reloads().Acquire("", "kv/key", kPatience);
      if (!lease.ok()) {
        why = lease.status().ToString();
      } else {
        const KvAnswer got = KvGet(ChannelOf(*lease), "key");
        if (!got.status.ok()) why = got.status.error_message();
        if (got.answer.value() != "value-of-key") why += " wrong value";
        if (got.answer.pid() != lease->instance().pid) why += " of another process";
      }
      if (!why.empty()) {
        failed_.fetch_add(1);
        const std::lock_guard lock(mutex_);
        why_ = why;
      }
      requests_.fetch_add(1);
    }
  }

  GoNode& node_;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> requests_{0}, failed_{0};
  mutable std::mutex mutex_;
  std::string why_;
  std::vector<std::thread> threads_;
};

void ReloadUnderLoad(const std::string& program, const std::string& launcher, int reloads) {
  INFO(program << " " << launcher);
  GoNode node;
  for (const char* version : {"v1.0.0", "v2.0.0"}) {
    const bool second = program == "kv_go_1.0.0" && std::string_view(version) == "v2.0.0";
    PluginSpec spec = GoPlugin(second ? "kv_go_2.0.0" : program, version);
    spec.launcher = launcher;
    node.Register(spec);
  }
  const auto pin = [&](const char* version) {
    Must(node.runtime->registry().SetPin({PluginType::kSecret, "kv", version}));
  };
  pin("v1.0.0");
  node.Mount("", "kv/");
  Load load(node, 4);
  REQUIRE(load.WaitRequests(100));
  for (int i = 0; i < reloads; ++i) {
    pin(i % 2 == 0 ? "v2.0.0" : "v1.0.0");
    ReloadRequest request;
    request.target = ByPlugin{PluginType::kSecret, "kv"};
    const ReloadReport report = node.Reload(request);
    INFO((report.mounts.empty() ? "" : report.mounts[0].status.ToString()));
    REQUIRE(report.reloaded == 1);
    REQUIRE(load.WaitRequests(20));
  }
  load.Stop();
  INFO(load.why());
  CHECK(load.failed() == 0);
  CHECK(load.requests() >= 20U * static_cast<unsigned>(reloads));
  const PluginLease lease = node.Lease("", "kv/");
  CHECK(lease.generation() == static_cast<std::uint64_t>(reloads) + 1);
  // One process is left: the one that serves.
  CHECK(node.host->WaitEvent(EventKind::kInstanceStopped, static_cast<std::size_t>(reloads)));
  CHECK(node.leaks.MarkedProcesses() == std::set<int>{static_cast<int>(lease.instance().pid)});
}

TEST_CASE("a Go plugin under load loses no request over 100 reloads", "[goplugin][load]") {
  ReloadUnderLoad("kv_go_1.0.0", GENERATE("goplugin", "goplugin_plain"), 100);
}

TEST_CASE("a plugin in C++ under load loses no request over 100 reloads", "[goplugin][load]") {
  ReloadUnderLoad("kv_cpp", GENERATE("goplugin", "goplugin_plain"), 100);
}

// An interpreter takes half a second to start; what could be lost is the same.
TEST_CASE("a plugin in Python under load loses no request over 20 reloads", "[goplugin][load]") {
  ReloadUnderLoad("kv.py", GENERATE("goplugin", "goplugin_plain"), 20);
}

TEST_CASE("a new version that does not start leaves the old one serving", "[goplugin][reload]") {
  GoNode node;
  node.Register(GoPlugin("kv_go_1.0.0"));
  node.Mount("", "kv/");
  PluginSpec bad = GoPlugin("kv_go_2.0.0");
  bad.handshake->protocol_versions = {9};
  node.Register(bad);
  ReloadRequest request;
  request.target = ByPlugin{PluginType::kSecret, "kv"};
  const ReloadReport report = node.Reload(request);
  REQUIRE(report.failed == 1);
  CHECK(report.mounts[0].status.reason() == "version_unsupported");
  const PluginLease lease = node.Lease("", "kv/");
  CHECK(KvGet(ChannelOf(lease), "k").answer.version() == "v1.0.0");
}

TEST_CASE("a plugin that crashes or hangs is started again", "[goplugin][reload]") {
  GoNode node([](GoPluginLauncherOptions& options) {
    options.health_interval = Millis{20};
    options.health_timeout = Millis{200};
    options.shutdown_timeout = Millis{100};
  });
  node.Register(GoPlugin("kv_go_1.0.0"));
  node.Mount("", "kv/");
  const bool hang = GENERATE(false, true);
  {
    const PluginLease lease = node.Lease("", "kv/");
    if (hang) {
      REQUIRE(kill(static_cast<pid_t>(lease.instance().pid), SIGSTOP) == 0);
    } else {
      KvCrash(ChannelOf(lease));
    }
  }
  REQUIRE(node.host->WaitEvent(EventKind::kMountServing, 2).has_value());
  const PluginLease lease = node.Lease("", "kv/");
  CHECK(lease.generation() == 2);
  CHECK(KvGet(ChannelOf(lease), "k").status.ok());
}

TEST_CASE("mounts that share a process tell it which one a call is for", "[goplugin][multiplex]") {
  GoNode node;
  Must(node.runtime->namespaces().Create("a"));
  PluginSpec spec = GoPlugin("kv_go_1.0.0");
  spec.sharing = Sharing::kGlobal;
  node.Register(spec);
  node.Mount("", "kv/");
  node.Mount("a", "kv/");
  const auto ask = [&](const std::string& ns) {
    const PluginLease lease = node.Lease(ns, "kv/");
    const std::string id = MultiplexId(lease);
    const GetAnswer answer = KvGet(ChannelOf(lease), "k", id).answer;
    CHECK(answer.multiplex_id() == id);
    return std::pair(answer.pid(), id);
  };
  const auto root = ask("");
  const auto a = ask("a");
  CHECK(root.first == a.first);
  CHECK(root.second != a.second);
  CHECK(ask("") == root);
  // A reload of one moves it to a new process, with a new name there; the neighbour stays.
  ReloadRequest request;
  request.target = ByMounts{{"kv/"}};
  request.ns = std::string("a");
  CHECK(node.Reload(request).reloaded == 1);
  CHECK(ask("") == root);
  const auto moved = ask("a");
  CHECK(moved.first != a.first);
  CHECK(moved.second != a.second);
}

TEST_CASE("the named handshakes are Vault's", "[goplugin][vault]") {
  PluginSpec spec;
  spec.env = {"VAULT_PLUGIN_AUTOMTLS_ENABLED=false"};
  CHECK(ApplyGoPluginProfile("vault_backend", spec).ok());
  CHECK(spec.handshake->cookie_key == "VAULT_BACKEND_PLUGIN");
  CHECK(spec.handshake->protocol_versions == std::vector<int>{3, 4, 5});
  CHECK(spec.launcher == "goplugin");
  // What the entry says itself stands.
  CHECK(spec.env == std::vector<std::string>{"VAULT_PLUGIN_AUTOMTLS_ENABLED=false",
                                             "BAO_PLUGIN_AUTOMTLS_ENABLED=true"});
  CHECK(FindGoPluginProfile("vault_database")->handshake.cookie_key == "VAULT_DATABASE_PLUGIN");
  CHECK(ApplyGoPluginProfile("vault", spec).reason() == "unknown_profile");
}

}  // namespace
}  // namespace plugreload::test
