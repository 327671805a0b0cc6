#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "scenario/node.hpp"

namespace plugreload::test {
namespace {

// Threads that send requests until they are told to stop. A request holds its lease for a moment;
// some hand it to another thread, which releases it.
class Load {
 public:
  Load(Node& node, std::vector<std::string> namespaces, int threads = 3)
      : node_(node), namespaces_(std::move(namespaces)) {
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this, i] { Run(static_cast<unsigned>(i)); });
    }
  }
  ~Load() { Stop(); }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  void Stop() {
    stop_ = true;
    threads_.clear();
  }
  bool WaitRequests(std::uint64_t count) {
    const std::uint64_t goal = requests_ + count;
    return Eventually([&] { return requests_ >= goal; });
  }
  std::uint64_t requests() const { return requests_; }
  std::uint64_t failed() const { return failed_; }
  std::string why() const {
    const std::lock_guard lock(mutex_);
    return why_;
  }

 private:
  void Run(unsigned seed) {
    for (unsigned n = seed; !stop_; ++n) {
      auto lease = node_.reloads().Acquire(namespaces_[n % namespaces_.size()], "kv/x", kSoon);
      if (!lease.ok()) {
        Failed(lease.status().ToString());
        continue;
      }
      if (!Node::Object(*lease).Serve()) Failed("a lease on a stopped instance");
      if (n % 4 == 0) std::this_thread::yield();
      if (!Node::Object(*lease).Serve()) Failed("stopped under its lease");
      if (n % 64 == 0) {
        std::thread([held = *std::move(lease)]() mutable {
          if (!Node::Object(held).Serve()) return;  // counted as a violation
          held.Release();
        }).join();
      }
      ++requests_;
    }
  }
  void Failed(const std::string& why) {
    const std::lock_guard lock(mutex_);
    ++failed_;
    why_ = why;
  }

  Node& node_;
  const std::vector<std::string> namespaces_;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> requests_{0}, failed_{0};
  mutable std::mutex mutex_;
  std::string why_;
  std::vector<std::jthread> threads_;
};

void FiftyReloads(Node& node, const std::function<ReloadRequest(int)>& request) {
  Load load(node, {"", "a", "b"});
  REQUIRE(load.WaitRequests(100));
  std::size_t failures = 0;
  for (int i = 0; i < 50; ++i) {
    node.Pin("kv", i % 2 == 0 ? "v2.0.0" : "v1.0.0");
    const ReloadReport report = node.Reload(request(i));
    failures += report.failed;
    CHECK(report.reloaded == report.mounts.size());
    CHECK_FALSE(report.mounts.empty());
    if (!load.WaitRequests(10)) FAIL("requests have stopped");
  }
  load.Stop();
  INFO(load.why());
  CHECK(load.failed() == 0);
  CHECK(failures == 0);
  CHECK(node.plugins.violations() == 0);
  CHECK(load.requests() >= 600);
}

void ThreeMounts(Node& node, const std::function<void(PluginSpec&)>& tweak = {}) {
  TwoVersions(node, tweak);
  node.Create("a");
  node.Create("b");
  for (const char* ns : {"", "a", "b"}) node.Mount(ns, "kv/");
}

TEST_CASE("no request fails while fifty reloads replace every instance", "[reload][load]") {
  Node node;
  ThreeMounts(node);
  FiftyReloads(node, [](int) { return Everywhere("kv"); });
  CHECK(node.Lease("", "kv/").generation() == 51);
  CHECK(node.plugins.WaitLive(3));
}

TEST_CASE("no request fails while fifty reloads stop the old instance first", "[reload][load]") {
  Node node;
  ThreeMounts(node, [](PluginSpec& spec) { spec.order = Order::kStopFirst; });
  FiftyReloads(node, [](int) { return Everywhere("kv"); });
  CHECK(node.plugins.WaitLive(3));
}

TEST_CASE("no request fails while namespaces that share an instance reload in turn",
          "[reload][load]") {
  Node node;
  ThreeMounts(node, [](PluginSpec& spec) { spec.sharing = Sharing::kGlobal; });
  FiftyReloads(node, [](int i) {
    const char* const namespaces[] = {"", "a", "b"};
    return InNamespace(namespaces[i % 3], "kv");
  });
}

TEST_CASE("no request fails while all-or-nothing reloads succeed and fail in turn",
          "[reload][load]") {
  Node node;
  ThreeMounts(node);
  Load load(node, {"", "a", "b"});
  ReloadRequest request = Everywhere("kv");
  request.policy = Policy::kAllOrNothing;
  for (int i = 0; i < 20; ++i) {
    if (i % 2 == 0) {
      node.plugins.Fail("v1.0.0@b/kv/");
    } else {
      node.plugins.HealAll();
    }
    CHECK(node.Reload(request).reloaded == (i % 2 == 0 ? 0U : 3U));
    if (!load.WaitRequests(10)) FAIL("requests have stopped");
  }
  load.Stop();
  INFO(load.why());
  CHECK(load.failed() == 0);
}

TEST_CASE("no request fails while reloads are submitted faster than they run", "[reload][load]") {
  Node node;
  ThreeMounts(node);
  Load load(node, {"", "a", "b"});
  std::vector<std::string> ids;
  for (int i = 0; i < 50; ++i) ids.push_back(node.Submit(Everywhere("kv")));
  for (const std::string& id : ids) {
    const ReloadReport report = node.Wait(id);
    CHECK(report.state == ReloadState::kDone);
    CHECK(report.reloaded == 3);
  }
  load.Stop();
  INFO(load.why());
  CHECK(load.failed() == 0);
  CHECK(node.plugins.violations() == 0);
}

}  // namespace
}  // namespace plugreload::test
