// The whole hot path through the public interfaces, C++ and C, beside the same look-up that nobody
// protects. Each request waits for the one before it.
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "c_engine.h"
#include "cpp_router.hpp"
#include "go_peer.hpp"
#include "harness.hpp"
#include "routes.hpp"
#include "served.hpp"

namespace plugreload::bench {
namespace {

constexpr std::size_t kOperations = 200'000;

void Bare(internal::Publisher& publisher, const DataSet& data, std::size_t operations) {
  const std::size_t mask = data.requests.size() - 1;
  const std::uint64_t zero = Zero();
  std::uint64_t at = 0;
  for (std::size_t i = 0; i < operations; ++i) {
    const Request& request = data.requests[at & mask];
    const auto found = publisher.Resolve(request.ns, request.path);
    std::uint64_t number = 0;
    if (found.node != nullptr) {
      const auto* cell = static_cast<internal::SlotCell*>(found.cell);
      number = cell->current.load(std::memory_order_acquire)->number;
    }
    at += 1 + (number & zero);
  }
  Keep(at);
}

void Cpp(Runtime& runtime, const DataSet& data, std::size_t operations) {
  ReloadCoordinator& reloads = runtime.reloads();
  const std::size_t mask = data.requests.size() - 1;
  const std::uint64_t zero = Zero();
  std::uint64_t at = 0;
  for (std::size_t i = 0; i < operations; ++i) {
    const Request& request = data.requests[at & mask];
    const auto lease = reloads.Acquire(request.ns, request.path, Millis(0));
    if (!lease.ok()) GiveUp(lease.status());
    at += 1 + (lease->generation() & zero);
  }
  Keep(at);
}

void VaultInCpp(const CppRouter& router, const DataSet& data, std::size_t operations) {
  const std::size_t mask = data.requests.size() - 1;
  const std::uint64_t zero = Zero();
  std::uint64_t at = 0;
  for (std::size_t i = 0; i < operations; ++i) {
    const Request& request = data.requests[at & mask];
    at += 1 + (router.Look(request.ns, request.path) & zero);
  }
  Keep(at);
}

// Reloads one mount after the other as fast as it goes, `per_second` times a second at most.
class Storm {
 public:
  Storm(Served& served, const DataSet& data, double per_second)
      : thread_([&served, &data, per_second](const std::stop_token& stop) {
          const auto pace = std::chrono::duration<double>(1 / per_second);
          for (std::size_t i = 0; !stop.stop_requested(); ++i) {
            const auto next = std::chrono::steady_clock::now() + pace;
            served.ReloadMount(data.mounts[i % data.mounts.size()]);
            // lint: allow-sleep the pace is what is measured
            std::this_thread::sleep_until(next);
          }
        }) {}

 private:
  std::jthread thread_;
};

// Without misses, which are errors with a text.
void OnlyHits(DataSet& data) {
  for (std::size_t i = 0; i < data.requests.size(); ++i) {
    for (std::size_t other = i; data.requests[i].known == 0;) {
      other = (other + 1) & (data.requests.size() - 1);
      if (data.requests[other].known != 0) data.requests[i] = data.requests[other];
    }
  }
}

void Measure(Report& report, std::size_t count, double bar, int thread_most) {
  DataSet data(count);
  OnlyHits(data);
  Routes routes(data);
  Served served(data);
  std::optional<GoPeer> router;
  std::optional<CppRouter> cpp_router;
  if (bar != 0) {
    router.emplace(PLUGRELOAD_BENCH_ROUTER, count);
    cpp_router.emplace(data);
  }
  for (int threads = 1; threads <= thread_most; ++threads) {
    Rounds rounds;
    const auto way = [&](const char* name, std::function<void(std::size_t)> loop) {
      return rounds.Add(name, [=] { return CpuPerOnThreads(threads, kOperations, loop); });
    };
    const auto ours =
        way("Acquire + release, C++", [&](std::size_t n) { Cpp(served.runtime(), data, n); });
    const auto bare =
        way("unprotected look-up", [&](std::size_t n) { Bare(routes.publisher(), data, n); });
    Rounds::Way go = 0, cpp = 0;
    if (router) {
      go = rounds.Add("Vault's router in Go", [&] { return router->Measure(threads); });
      cpp = way("Vault's router in C++", [&](std::size_t n) { VaultInCpp(*cpp_router, data, n); });
    }
    rounds.Run(report.rounds());
    report.Compare(
        fmt::format("Acquire + release at {} to unprotected, {} thread(s)", count, threads), rounds,
        ours, bare, bar > 1.2 ? 0 : bar);
    if (router) {
      report.Compare(
          fmt::format("Acquire + release at {} to Vault's router, {} thread(s)", count, threads),
          rounds, ours, go, 1.0 / 3);
      report.Compare(fmt::format("Acquire + release at {} to that design in C++, {} thread(s)",
                                 count, threads),
                     rounds, ours, cpp, 0);
    }
    report.Point("cost", static_cast<double>(count), fmt::format("acquire, {} thread(s)", threads),
                 Median(rounds.costs(ours)), "ns");
  }
  report.Point("cost", static_cast<double>(count), "start from a store",
               served.start_ns() / static_cast<double>(count), "ns/mount");
  report.Point("cost", static_cast<double>(count), "memory of a runtime", served.bytes_per_mount(),
               "bytes/mount");
  report.Figure(fmt::format("start from a store with {} mounts", count), served.start_ns() / 1e6,
                "ms");
  report.Figure(fmt::format("memory of a runtime, {} mounts", count), served.bytes_per_mount(),
                "bytes/mount");
  Rounds reload;
  const auto once = reload.Add("reload of all mounts", [&] {
    const double start = WallNow();
    served.Reload();
    return (WallNow() - start) / static_cast<double>(count);
  });
  reload.Run(count > 100'000 ? 1 : 5);  // a minute each
  report.Figure(fmt::format("reload of {} mounts on one instance", count),
                Median(reload.costs(once)), "ns/mount");
  report.Point("cost", static_cast<double>(count), "reload of all on one instance",
               Median(reload.costs(once)), "ns/mount");
  if (bar <= 1.2) return;
  Rounds storm;
  const auto bare = storm.Add("unprotected look-up", [&] {
    return CpuPerOnThreads(2, kOperations,
                           [&](std::size_t n) { Bare(routes.publisher(), data, n); });
  });
  std::optional<Storm> running;
  const auto ours = storm.Add("Acquire + release under reloads", [&] {
    running.emplace(served, data, 1'000);
    const double cost =
        CpuPerOnThreads(2, kOperations, [&](std::size_t n) { Cpp(served.runtime(), data, n); });
    running.reset();
    return cost;
  });
  storm.Run(5);
  report.Compare(fmt::format("Acquire + release at {} under reloads, 2 threads", count), storm,
                 ours, bare, bar);
}

void MeasureC(Report& report) {
  DataSet data(1'000);
  OnlyHits(data);
  Served served(data);
  CEngine* engine = c_engine_open();
  if (engine == nullptr) std::exit(1);
  for (const std::string& ns : data.namespaces) {
    if (c_engine_namespace(engine, ns.data(), ns.size()) == 0) std::exit(1);
  }
  for (const MountPath& mount : data.mounts) {
    if (c_engine_mount(engine, mount.ns.data(), mount.ns.size(), mount.path.data(),
                       mount.path.size()) == 0) {
      std::exit(1);
    }
  }
  std::vector<c_request> requests;
  for (const Request& request : data.requests) {
    requests.push_back(
        {request.ns.data(), request.ns.size(), request.path.data(), request.path.size()});
  }
  Rounds rounds;
  const auto c = rounds.Add("Acquire + release, C", [&] {
    return CpuPer(kOperations, [&](std::size_t n) {
      if (c_engine_lease(engine, requests.data(), requests.size() - 1, n, Zero()) != n)
        std::exit(1);
    });
  });
  const auto cpp = rounds.Add("Acquire + release, C++", [&] {
    return CpuPer(kOperations, [&](std::size_t n) { Cpp(served.runtime(), data, n); });
  });
  rounds.Run(report.rounds());
  report.Compare("C ABI to the C++ API, 1,000 mounts", rounds, c, cpp, 1.15);
  c_engine_close(engine);
}

}  // namespace
}  // namespace plugreload::bench

int main(int argc, char** argv) {
  using namespace plugreload::bench;
  Report report(argc, argv, "path", 15);
  MeasureC(report);
  Measure(report, 1'000, 1.15, 2);
  Measure(report, 10'000, 0, 1);
  Measure(report, 100'000, 0, 1);
  Measure(report, 1'000'000, 1.35, 2);
  return report.Finish();
}
