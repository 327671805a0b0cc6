#include <atomic>
#include <deque>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "scenario/node.hpp"

namespace plugreload::test {
namespace {

// Leases on their way from the thread that took them to the one that releases them.
class Belt {
 public:
  void Put(PluginLease lease) {
    const std::lock_guard lock(mutex_);
    leases_.push_back(std::move(lease));
  }
  // Some lease, not the oldest, so that some are held for long.
  PluginLease Take(std::size_t at_least, std::minstd_rand& random) {
    const std::lock_guard lock(mutex_);
    if (leases_.size() <= at_least) return {};
    std::swap(leases_[random() % leases_.size()], leases_.back());
    PluginLease lease = std::move(leases_.back());
    leases_.pop_back();
    return lease;
  }

 private:
  std::mutex mutex_;
  std::deque<PluginLease> leases_;
};

struct Tally {
  std::atomic<std::uint64_t> acquired{0}, released{0}, failed{0}, dead{0}, backwards{0};
};

// One life of a thread: takes leases, puts some on the belt, releases its own and others'.
void Work(Node& node, Belt& belt, Tally& tally, unsigned seed, int operations) {
  std::minstd_rand random(seed);
  std::uint64_t generation = 0;
  const auto finish = [&](PluginLease lease) {
    if (!Node::Object(lease).Serve()) ++tally.dead;
    lease.Release();
    ++tally.released;
  };
  for (int i = 0; i < operations; ++i) {
    auto lease = node.reloads().Acquire("", "kv/x", kSoon);
    if (!lease.ok()) {
      ++tally.failed;
      continue;
    }
    ++tally.acquired;
    if (!Node::Object(*lease).Serve()) ++tally.dead;
    // What a thread sees of one mount never goes back.
    if (lease->generation() < generation) ++tally.backwards;
    generation = lease->generation();
    if (random() % 3 == 0) {
      belt.Put(*std::move(lease));
    } else {
      finish(*std::move(lease));
    }
    if (PluginLease other = belt.Take(16, random); other.held()) finish(std::move(other));
  }
}

void Drain(Belt& belt, Tally& tally) {
  std::minstd_rand random(1);
  for (PluginLease lease = belt.Take(0, random); lease.held(); lease = belt.Take(0, random)) {
    if (!Node::Object(lease).Serve()) ++tally.dead;
    lease.Release();
    ++tally.released;
  }
}

void AddUp(const Tally& tally) {
  CHECK(tally.acquired > 0);
  CHECK(tally.acquired == tally.released);
  CHECK(tally.failed == 0);
  CHECK(tally.dead == 0);
  CHECK(tally.backwards == 0);
}

TEST_CASE("leases taken, handed over and released while instances are swapped add up",
          "[lease][stress]") {
  Node node;
  TwoVersions(node);
  node.Mount("", "kv/");
  Belt belt;
  Tally tally;
  std::atomic<int> working{4};
  ReloadRequest request = Everywhere("kv");
  request.drain_timeout = Millis(1);  // leases on the belt are held across many swaps
  std::uint64_t swaps = 0;
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < 4; ++i) {
      threads.emplace_back([&, i] {
        Work(node, belt, tally, i + 1, 50'000);
        --working;
      });
    }
    while (working > 0) swaps += node.Reload(request).reloaded;
  }
  Drain(belt, tally);
  AddUp(tally);
  CHECK(swaps > 0);
  CHECK(node.Lease("", "kv/").generation() == swaps + 1);
  // Every old instance is retired once its last lease is gone: exactly one is left.
  CHECK(node.plugins.WaitLive(1));
  CHECK(node.plugins.Count("ready") == swaps + 1);
}

TEST_CASE("threads that live for a few leases lose none of them", "[lease][stress]") {
  Node node;
  TwoVersions(node);
  node.Mount("", "kv/");
  Belt belt;
  Tally tally;
  ReloadRequest request = Everywhere("kv");
  request.drain_timeout = Millis(1);
  std::uint64_t swaps = 0;
  {
    std::vector<std::jthread> parents;
    std::atomic<int> working{2};
    for (unsigned i = 0; i < 2; ++i) {
      parents.emplace_back([&, i] {
        for (unsigned child = 0; child < 200; ++child) {
          std::thread([&] { Work(node, belt, tally, i * 1000 + child + 1, 20); }).join();
        }
        --working;
      });
    }
    while (working > 0) swaps += node.Reload(request).reloaded;
  }
  Drain(belt, tally);
  AddUp(tally);
  CHECK(tally.acquired == 8'000);
  CHECK(swaps > 0);
  CHECK(node.plugins.WaitLive(1));
}

TEST_CASE("leases survive instances that die under them", "[lease][stress]") {
  Node node([](RuntimeOptions& options) {
    options.restart.first = options.restart.max = Millis(1);
    options.restart.limit = 1'000'000;
  });
  TwoVersions(node);
  node.Mount("", "kv/");
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> leases{0}, failed{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&] {
        while (!stop) {
          auto lease = node.reloads().Acquire("", "kv/x", kSoon);
          if (!lease.ok()) {
            ++failed;
            continue;
          }
          // Its instance may be dead; what the lease says of it stays readable.
          if (lease->version() != "v1.0.0" || lease->instance_name().empty()) ++failed;
          ++leases;
        }
      });
    }
    for (int i = 0; i < 50; ++i) {
      PluginLease lease = node.Lease("", "kv/x");
      const std::uint64_t generation = lease.generation();
      const std::uint64_t serial = Node::Object(lease).serial();
      lease.Release();
      node.plugins.Kill(serial);
      if (!Eventually([&] { return node.Lease("", "kv/x").generation() > generation; })) break;
    }
    stop = true;
  }
  CHECK(failed == 0);
  CHECK(leases > 0);
  CHECK(node.Lease("", "kv/x").generation() >= 51);
  CHECK(node.plugins.WaitLive(1));
}

}  // namespace
}  // namespace plugreload::test
