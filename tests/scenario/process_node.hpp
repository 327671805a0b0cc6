// scenario/process_node.hpp - a runtime whose plugins are real processes, and a load on them.
#ifndef PLUGRELOAD_TESTS_SCENARIO_PROCESS_NODE_HPP_
#define PLUGRELOAD_TESTS_SCENARIO_PROCESS_NODE_HPP_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "scenario/node.hpp"

namespace plugreload::test {

// kv/ served by the program "good" as v1.0.0, pinned.
class ProcessNode {
 public:
  explicit ProcessNode(const Node::Tweak& tweak = {}) {
    RuntimeOptions options = TestOptions(leaks, host);
    if (tweak) tweak(options);
    auto created = Runtime::Create(std::move(options));
    if (!created.ok()) FAIL(created.status().ToString());
    runtime = *std::move(created);
    Register("good", "v1.0.0");
    Pin("v1.0.0");
  }
  ~ProcessNode() {
    const Status closed = runtime->Close(After(kSoon));
    CHECK(closed.ToString() == "OK");
  }
  ProcessNode(const ProcessNode&) = delete;
  ProcessNode& operator=(const ProcessNode&) = delete;

  ReloadCoordinator& reloads() { return runtime->reloads(); }

  void Register(const std::string& program, const std::string& version,
                const std::function<void(PluginSpec&)>& tweak = {}) {
    PluginSpec spec = TestPlugin(program, version);
    if (tweak) tweak(spec);
    Node::Must(runtime->registry().Register(std::move(spec)));
  }
  void Pin(const std::string& version) {
    Node::Must(runtime->registry().SetPin({PluginType::kSecret, "kv", version}));
  }
  void Mount(const std::string& ns, const std::string& path) {
    auto mounted = reloads().Mount(TestMount(ns, path), After(kSoon));
    if (!mounted.ok()) FAIL(mounted.status().ToString());
  }
  PluginLease Lease(const std::string& ns = "", const std::string& path = "kv/") {
    auto lease = reloads().Acquire(ns, path, kSoon);
    if (!lease.ok()) FAIL(lease.status().ToString());
    return *std::move(lease);
  }
  // One member of what the plugin answers.
  std::string Ask(const std::string& field, const std::string& ns = "",
                  const std::string& path = "kv/") {
    const PluginLease lease = Lease(ns, path);
    const HttpAnswer answer = HttpGet(lease.instance().endpoint, "/x");
    if (answer.status != 200) FAIL(answer.error);
    return JsonField(answer.body, field);
  }
  ReloadReport Reload(const ReloadRequest& request) {
    auto report = reloads().Reload(request);
    if (!report.ok()) FAIL(report.status().ToString());
    return *std::move(report);
  }

  LeakCheck leaks;  // destroyed last
  std::shared_ptr<RecordingHost> host = std::make_shared<RecordingHost>();
  std::unique_ptr<Runtime> runtime;
};

// Clients that send a request to each namespace in turn, each on a connection of its own and
// without a retry, until they are stopped.
class HttpLoad {
 public:
  HttpLoad(ProcessNode& node, std::vector<std::string> namespaces, int clients = 2)
      : node_(node), namespaces_(std::move(namespaces)) {
    for (int i = 0; i < clients; ++i) {
      clients_.emplace_back([this, i] { Run(static_cast<std::size_t>(i)); });
    }
  }
  ~HttpLoad() { Stop(); }
  HttpLoad(const HttpLoad&) = delete;
  HttpLoad& operator=(const HttpLoad&) = delete;

  void Stop() {
    stop_ = true;
    clients_.clear();
  }
  [[nodiscard]] bool WaitRequests(std::uint64_t count) {
    const std::uint64_t goal = answered_ + count;
    return Eventually([&] { return answered_ >= goal; });
  }
  std::uint64_t answered() const { return answered_; }
  std::uint64_t failed() const { return failed_; }
  std::string why() const {
    const std::lock_guard lock(mutex_);
    return why_;
  }

 private:
  void Run(std::size_t seed) {
    for (std::size_t n = seed; !stop_; ++n) {
      const std::string& ns = namespaces_[n % namespaces_.size()];
      auto lease = node_.reloads().Acquire(ns, "kv/x", kSoon);
      if (!lease.ok()) {
        Failed(lease.status().ToString());
        continue;
      }
      const HttpAnswer answer = HttpGet(lease->instance().endpoint, "/x");
      if (answer.status != 200) {
        Failed(answer.error);
      } else if (JsonField(answer.body, "pid") != std::to_string(lease->instance().pid)) {
        Failed("answered by another process than the leased one");
      } else if (JsonField(answer.body, "version") != lease->version()) {
        Failed("answered by another version than the leased one");
      } else {
        ++answered_;
      }
    }
  }
  void Failed(const std::string& why) {
    const std::lock_guard lock(mutex_);
    ++failed_;
    why_ = why;
  }

  ProcessNode& node_;
  const std::vector<std::string> namespaces_;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> answered_{0}, failed_{0};
  mutable std::mutex mutex_;
  std::string why_;
  std::vector<std::jthread> clients_;
};

}  // namespace plugreload::test

#endif  // PLUGRELOAD_TESTS_SCENARIO_PROCESS_NODE_HPP_
