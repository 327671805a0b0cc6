// scenario/node.hpp - a runtime with fake plugins and a host that writes down what it is told.
#ifndef PLUGRELOAD_TESTS_SCENARIO_NODE_HPP_
#define PLUGRELOAD_TESTS_SCENARIO_NODE_HPP_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "plugreload/runtime.hpp"
#include "scenario/fake_plugin.hpp"
#include "support/catch.hpp"
#include "support/leaks.hpp"
#include "support/plugins.hpp"

namespace plugreload::test {

// A wait for something that has no event.
template <typename Condition>
[[nodiscard]] bool Eventually(Condition condition) {
  const Deadline deadline = After(kSoon);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    // lint: allow-sleep what is waited for has no event; the deadline above ends it
    std::this_thread::sleep_for(Millis(1));
  }
  return true;
}

// Remembers what it is told, and does what a test adds. The hooks are set before the runtime is
// made.
class HookedHost : public RecordingHost {
 public:
  void Log(const LogRecord& record) noexcept override {
    if (on_log) on_log(record);
    RecordingHost::Log(record);
  }
  void OnEvent(const Event& event) noexcept override {
    if (on_event) on_event(event);
    RecordingHost::OnEvent(event);
  }
  Result<std::shared_ptr<void>> Attach(const LaunchSpec& spec, const InstanceInfo& info) override {
    if (on_attach) return on_attach(spec, info);
    return std::shared_ptr<void>();
  }

  [[nodiscard]] bool WaitForReload(EventKind kind, const std::string& reload_id) const {
    return WaitEvent([&](const Event& event) {
             return event.kind == kind && event.reload_id == reload_id;
           })
        .has_value();
  }
  // `mount` with its namespace; a generation above `after`, when the event has one.
  [[nodiscard]] bool WaitForMount(EventKind kind, const std::string& mount,
                                  std::uint64_t after = 0) const {
    return WaitEvent([&](const Event& event) {
             return event.kind == kind && event.ns + event.mount == mount &&
                    (after == 0 || event.generation > after);
           })
        .has_value();
  }

  std::function<void(const LogRecord&)> on_log;
  std::function<void(const Event&)> on_event;
  std::function<Result<std::shared_ptr<void>>(const LaunchSpec&, const InstanceInfo&)> on_attach;
};

// Every mount of the plugin, everywhere.
inline ReloadRequest Everywhere(const std::string& name, PluginType type = PluginType::kSecret) {
  ReloadRequest request;
  request.target = ByPlugin{type, name};
  request.reach = Reach::kSubtree;
  return request;
}
// Every mount of the plugin in one namespace.
inline ReloadRequest InNamespace(const std::string& ns, const std::string& name,
                                 PluginType type = PluginType::kSecret) {
  ReloadRequest request;
  request.target = ByPlugin{type, name};
  request.ns = ns;
  return request;
}
inline ReloadRequest OfMounts(const std::string& ns, std::vector<std::string> paths) {
  ReloadRequest request;
  request.target = ByMounts{std::move(paths)};
  request.ns = ns;
  return request;
}

inline MountTune TuneVersion(std::string version) {
  MountTune tune;
  tune.version = std::move(version);
  return tune;
}
inline MountTune TuneDescription(std::string description) {
  MountTune tune;
  tune.description = std::move(description);
  return tune;
}

// A runtime whose plugins are fakes. Its destructor checks that nothing is left. Of several, only
// the first one made (and destroyed last) looks at threads and descriptors: the others have theirs.
class Node {
 public:
  using Tweak = std::function<void(RuntimeOptions&)>;
  explicit Node(const Tweak& tweak = {}, std::shared_ptr<StateStore> store = nullptr,
                std::shared_ptr<HookedHost> with_host = nullptr)
      : host(with_host ? std::move(with_host) : std::make_shared<HookedHost>()) {
    // ThreadSanitizer starts a thread of its own with the first one of the program: not a leak.
    std::thread([] {}).join();
    if (nodes_ == 0) leaks.emplace();
    RuntimeOptions options;
    options.store = std::move(store);
    options.host = host;
    options.allow_unhashed = true;
    // No child is started here, so there is no need for the threads of the process launcher.
    options.launchers["fake"] = options.launchers["process"] = plugins.launcher();
    options.restart.first = Millis(5);
    options.restart.max = Millis(20);
    if (tweak) tweak(options);
    auto created = Runtime::Create(std::move(options));
    if (!created.ok()) FAIL(created.status().ToString());
    runtime = *std::move(created);
    ++nodes_;
  }
  ~Node() {
    plugins.HealAll();
    if (runtime != nullptr) {
      const Status closed = runtime->Close(After(kSoon));
      CHECK(closed.ToString() == "OK");
      runtime.reset();
    }
    --nodes_;
    CHECK(plugins.live() == 0);
    CHECK(plugins.violations() == 0);
  }
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  ReloadCoordinator& reloads() { return runtime->reloads(); }
  PluginRegistry& registry() { return runtime->registry(); }
  NamespaceTree& namespaces() { return runtime->namespaces(); }

  void Register(const std::string& name, const std::string& version,
                const std::function<void(PluginSpec&)>& tweak = {}) {
    PluginSpec spec;
    spec.ref = {PluginType::kSecret, name, version};
    spec.launcher = "fake";
    if (tweak) tweak(spec);
    Must(registry().Register(std::move(spec)));
  }
  void Pin(const std::string& name, const std::string& version,
           PluginType type = PluginType::kSecret) {
    Must(registry().SetPin({type, name, version}));
  }
  void Create(const std::string& ns) { Must(namespaces().Create(ns)); }

  Result<MountEntry> TryMount(const std::string& ns, const std::string& path,
                              const std::string& name = "kv",
                              const std::function<void(MountEntry&)>& tweak = {}) {
    MountEntry entry;
    entry.ns = ns;
    entry.path = path;
    entry.plugin = name;
    if (tweak) tweak(entry);
    return reloads().Mount(std::move(entry), After(kSoon));
  }
  MountEntry Mount(const std::string& ns, const std::string& path, const std::string& name = "kv",
                   const std::function<void(MountEntry&)>& tweak = {}) {
    auto mounted = TryMount(ns, path, name, tweak);
    if (!mounted.ok()) FAIL("mount " + ns + path + ": " + mounted.status().ToString());
    return *std::move(mounted);
  }
  // `path` must outlive what rest() is asked for.
  PluginLease Lease(std::string_view ns, std::string_view path, Millis timeout = kSoon) {
    auto lease = reloads().Acquire(ns, path, timeout);
    if (!lease.ok()) FAIL("acquire " << ns << path << ": " << lease.status().ToString());
    return *std::move(lease);
  }
  std::string VersionAt(const std::string& ns, const std::string& path) {
    return std::string(Lease(ns, path).version());
  }
  std::uint64_t SerialAt(const std::string& ns, const std::string& path) {
    return Object(Lease(ns, path)).serial();
  }
  ReloadReport Reload(const ReloadRequest& request) {
    auto report = reloads().Reload(request);
    if (!report.ok()) FAIL("reload: " + report.status().ToString());
    return *std::move(report);
  }
  std::string Submit(const ReloadRequest& request) {
    auto id = reloads().Submit(request);
    if (!id.ok()) FAIL("submit: " + id.status().ToString());
    return *std::move(id);
  }
  ReloadReport Wait(const std::string& reload_id) {
    auto report = reloads().Wait(reload_id, After(kSoon));
    if (!report.ok()) FAIL("wait: " + report.status().ToString());
    return *std::move(report);
  }
  MountStatus StateOf(const std::string& ns, const std::string& path) {
    for (MountStatus& status : reloads().State(ns, Reach::kNamespace)) {
      if (status.mount.path == path) return std::move(status);
    }
    FAIL("no state of " + ns + path);
    return {};
  }

  static FakeObject& Object(const PluginLease& lease) {
    return *static_cast<FakeObject*>(lease.instance().object);
  }
  static void Must(const Status& status) {
    if (!status.ok()) FAIL(status.ToString());
  }

  std::optional<LeakCheck> leaks;  // destroyed last
  FakePlugins plugins;
  std::shared_ptr<HookedHost> host;
  std::unique_ptr<Runtime> runtime;

 private:
  static inline int nodes_ = 0;
};

// "kv" as v1.0.0 and v2.0.0, v1 pinned.
inline void TwoVersions(Node& node, const std::function<void(PluginSpec&)>& tweak = {}) {
  node.Register("kv", "v1.0.0", tweak);
  node.Register("kv", "v2.0.0", tweak);
  node.Pin("kv", "v1.0.0");
}

}  // namespace plugreload::test

#endif  // PLUGRELOAD_TESTS_SCENARIO_NODE_HPP_
