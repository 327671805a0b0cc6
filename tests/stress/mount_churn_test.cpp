#include <atomic>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "scenario/node.hpp"

namespace plugreload::test {
namespace {

struct Tally {
  std::atomic<std::uint64_t> leases{0}, missing{0}, other{0}, wrong{0}, dead{0};
};

// Asks for mounts that come and go. What it gets must be what it asked for, alive.
void Request(Node& node, const std::vector<std::string>& paths, const std::atomic<bool>& stop,
             Tally& tally, unsigned seed) {
  std::minstd_rand random(seed);
  while (!stop) {
    const std::string path = paths[random() % paths.size()] + "x/y";
    auto lease = node.reloads().Acquire("", path, kSoon);
    if (lease.ok()) {
      ++tally.leases;
      const std::string full = lease->mount().ns + lease->mount().path + std::string(lease->rest());
      if (full != path) ++tally.wrong;
      if (random() % 8 == 0) std::this_thread::yield();
      if (!Node::Object(*lease).Serve()) ++tally.dead;
    } else if (lease.status().code() == Code::kNotFound) {
      ++tally.missing;
    } else {
      ++tally.other;
    }
  }
}

void Check(const Tally& tally) {
  CHECK(tally.leases > 0);
  CHECK(tally.other == 0);
  CHECK(tally.wrong == 0);
  CHECK(tally.dead == 0);
}

TEST_CASE("mounts come and go under requests for them", "[mount][stress]") {
  Node node;
  TwoVersions(node);
  node.Mount("", "always/");
  const std::vector<std::string> paths = {"always/", "a/", "b/", "c/deep/"};
  Tally tally;
  std::atomic<bool> stop{false};
  std::size_t problems = 0;
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < 3; ++i) {
      threads.emplace_back([&, i] { Request(node, paths, stop, tally, i + 1); });
    }
    // On a busy machine the readers may come late.
    const Deadline deadline = After(kSoon);
    const auto seen = [&] {
      return (tally.leases > 0 && tally.missing > 0) || std::chrono::steady_clock::now() > deadline;
    };
    for (int round = 0; round < 150 || !seen(); ++round) {
      const std::string path = paths[1 + static_cast<std::size_t>(round) % 3];
      if (!node.TryMount("", path).ok()) ++problems;
      if (!node.reloads().Unmount("", path, After(kSoon)).ok()) ++problems;
    }
    stop = true;
  }
  Check(tally);
  CHECK(tally.missing > 0);
  CHECK(problems == 0);
  CHECK(node.plugins.WaitLive(1));
}

TEST_CASE("mounts move between namespaces under requests for them", "[mount][stress]") {
  Node node;
  TwoVersions(node);
  node.Create("a");
  node.Create("b");
  node.Mount("a", "kv/");
  const std::vector<std::string> paths = {"a/kv/", "b/kv/"};
  Tally tally;
  std::atomic<bool> stop{false};
  std::size_t problems = 0;
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < 3; ++i) {
      threads.emplace_back([&, i] { Request(node, paths, stop, tally, i + 1); });
    }
    CHECK(Eventually([&] { return tally.leases > 0; }));
    for (int round = 0; round < 1'000; ++round) {
      const bool there = round % 2 == 0;
      if (!node.reloads().Move(there ? "a" : "b", "kv/", there ? "b" : "a", "kv/").ok()) {
        ++problems;
      }
    }
    stop = true;
  }
  Check(tally);
  CHECK(problems == 0);
  CHECK(node.Lease("a", "kv/").generation() == 1'001);
  CHECK(node.plugins.Count("start") == 1);
}

TEST_CASE("everything happens at once", "[mount][stress]") {
  Node node([](RuntimeOptions& options) {
    options.restart.first = options.restart.max = Millis(1);
    options.restart.limit = 1'000'000;
  });
  TwoVersions(node, [](PluginSpec& spec) { spec.sharing = Sharing::kNamespace; });
  node.Create("a");
  for (const char* path : {"kv/", "kw/"}) {
    node.Mount("", path);
    node.Mount("a", path);
  }
  const std::vector<std::string> paths = {"kv/", "kw/", "a/kv/", "a/kw/", "b/kv/"};
  Tally tally;
  std::atomic<bool> stop{false};
  std::atomic<int> problems{0};
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < 2; ++i) {
      threads.emplace_back([&, i] { Request(node, paths, stop, tally, i + 1); });
    }
    threads.emplace_back([&] {  // who looks
      while (!stop) {
        if (node.reloads().State("", Reach::kSubtree).size() < 4) ++problems;
        if (!node.reloads().Plan(Everywhere("kv")).ok()) ++problems;
        std::this_thread::yield();
      }
    });
    std::vector<std::jthread> writers;
    writers.emplace_back([&] {  // who reloads
      for (int i = 0; i < 100; ++i) {
        ReloadRequest request = i % 2 == 0 ? Everywhere("kv") : InNamespace("a", "kv");
        if (i % 4 == 0) request.policy = Policy::kAllOrNothing;
        const auto report = node.reloads().Reload(request);
        if (!report.ok() || report->failed != 0) ++problems;
      }
    });
    writers.emplace_back([&] {  // who pins
      for (int i = 0; i < 100; ++i) {
        const PluginRef ref{PluginType::kSecret, "kv", i % 2 == 0 ? "v2.0.0" : "v1.0.0"};
        if (!node.registry().SetPin(ref).ok()) ++problems;
      }
    });
    writers.emplace_back([&] {  // who makes and removes a tenant
      for (int i = 0; i < 50; ++i) {
        if (!node.namespaces().Create("b").ok()) ++problems;
        if (!node.TryMount("b", "kv/").ok()) ++problems;
        if (!node.reloads().Unmount("b", "kv/", After(kSoon)).ok()) ++problems;
        if (!node.namespaces().Remove("b").ok()) ++problems;
      }
    });
    writers.clear();
    stop = true;
  }
  Check(tally);
  CHECK(problems == 0);
  std::set<std::uint64_t> serving;
  for (const char* path : {"kv/", "kw/", "a/kv/", "a/kw/"}) serving.insert(node.SerialAt("", path));
  CHECK(node.plugins.WaitLive(serving.size()));
}

}  // namespace
}  // namespace plugreload::test
