// Finding a mount: the longest prefix of a request, beside one look-up in absl::flat_hash_map that
// is told how long the prefix is. Each look-up waits for the one before it, as a request's own.
#include <absl/container/flat_hash_map.h>
#include <absl/strings/string_view.h>
#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "harness.hpp"
#include "routes.hpp"

namespace plugreload::bench {
namespace {

// The key as a host would write it. Hashed and compared as a view, so that a look-up copies
// nothing.
using Map = absl::flat_hash_map<std::string, const internal::MountNode*>;

double ResolveCost(internal::Publisher& publisher, const DataSet& data, std::size_t operations) {
  return CpuPer(operations, [&](std::size_t count) {
    const std::size_t mask = data.requests.size() - 1;
    const std::uintptr_t zero = Zero();
    std::size_t at = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const Request& request = data.requests[at & mask];
      const auto found = publisher.Resolve(request.ns, request.path);
      at += 1 + (reinterpret_cast<std::uintptr_t>(found.node) & zero);
    }
    Keep(at);
  });
}

double MapCost(const Map& map, const DataSet& data, std::size_t operations) {
  return CpuPer(operations, [&](std::size_t count) {
    const std::size_t mask = data.requests.size() - 1;
    const std::uintptr_t zero = Zero();
    std::size_t at = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const Request& request = data.requests[at & mask];
      const auto found = map.find(absl::string_view(request.text.data(), request.known));
      const auto* node = found == map.end() ? nullptr : found->second;
      at += 1 + (reinterpret_cast<std::uintptr_t>(node) & zero);
    }
    Keep(at);
  });
}

bool Agree(Routes& routes, const DataSet& data) {
  for (const Request& request : data.requests) {
    const auto found = routes.publisher().Resolve(request.ns, request.path);
    const auto* expected = request.known == 0 ? nullptr : routes.nodes()[request.mount].get();
    if (found.node == expected) continue;
    std::fprintf(stderr, "resolve found something else for %s%s\n", std::string(request.ns).c_str(),
                 std::string(request.path).c_str());
    return false;
  }
  return true;
}

struct Size {
  explicit Size(std::size_t count) : data(count) {
    const double before = HeapBytes();
    routes = std::make_unique<Routes>(data);
    bytes = (HeapBytes() - before) / static_cast<double>(count);
    map.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      const MountPath& mount = data.mounts[i];
      map.emplace(mount.ns + mount.path.substr(0, mount.path.size() - 1), routes->nodes()[i].get());
    }
  }
  DataSet data;
  std::unique_ptr<Routes> routes;
  Map map;
  double bytes = 0;
};

// One more mount, and one more key in a map that has as many. Both find their record made.
void MeasureInsert(Report& report, Size& size) {
  constexpr std::size_t kInserts = 2'000;
  Rounds rounds;
  std::size_t ours_number = 0, map_number = 0;
  const auto ns = [&](std::size_t number) {
    return size.data.namespaces[number % size.data.namespaces.size()];
  };
  std::vector<double> single;
  const auto ours = rounds.Add("insert of a mount, committed", [&] {
    std::vector<std::unique_ptr<internal::MountNode>> nodes;
    for (std::size_t i = 0; i < kInserts; ++i) {
      const std::size_t number = ours_number++;
      nodes.push_back(size.routes->NewNode({ns(number), fmt::format("new-{:06}/", number)}));
    }
    return CpuPer(kInserts, [&](std::size_t) {
      for (auto& node : nodes) {
        const double start = WallNow();
        size.routes->Put(std::move(node));
        size.routes->publisher().Commit();
        single.push_back(WallNow() - start);
      }
    });
  });
  const auto other = rounds.Add("flat_hash_map insert", [&] {
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < kInserts; ++i) {
      const std::size_t number = map_number++;
      keys.push_back(fmt::format("{}new-{:06}", ns(number), number));
    }
    return CpuPer(kInserts, [&](std::size_t) {
      for (const std::string& key : keys) {
        const double start = WallNow();
        size.map.emplace(key, nullptr);
        Keep(WallNow() - start);
      }
    });
  });
  rounds.Run(report.rounds());
  report.Compare(
      fmt::format("insert of a mount at {} to a flat_hash_map insert", size.data.mounts.size()),
      rounds, ours, other, size.data.mounts.size() == 1'000'000 ? 1.0 : 0);
  const auto mounts = static_cast<double>(size.data.mounts.size());
  report.Point("cost", mounts, "insert", Median(rounds.costs(ours)), "ns");
  report.Point("cost", mounts, "insert, 99th percentile", Quantile(single, 0.99), "ns");
  if (mounts == 1e6) {
    report.Figure("insert of a mount at 1M, 99th percentile", Quantile(single, 0.99), "ns");
  }
}

void Measure(Report& report, std::size_t count, double bar) {
  Size size(count);
  if (!Agree(*size.routes, size.data)) std::exit(1);
  constexpr std::size_t kOperations = 200'000;
  Rounds rounds;
  const auto ours = rounds.Add(
      "resolve", [&] { return ResolveCost(size.routes->publisher(), size.data, kOperations); });
  const auto other = rounds.Add("flat_hash_map find, length known",
                                [&] { return MapCost(size.map, size.data, kOperations); });
  rounds.Run(report.rounds());
  report.Compare(fmt::format("resolve at {} mounts to a find of known length", count), rounds, ours,
                 other, bar);
  report.Point("cost", static_cast<double>(count), "resolve", Median(rounds.costs(ours)), "ns");
  report.Point("cost", static_cast<double>(count), "memory of index, record and slot", size.bytes,
               "bytes/mount");
  const double index =
      static_cast<double>(size.routes->publisher().bytes()) / static_cast<double>(count);
  report.Point("cost", static_cast<double>(count), "memory of index", index, "bytes/mount");
  if (count == 1'000'000) {
    report.Figure("memory per mount: entry of the index", index, "bytes");
    report.Figure("memory per mount: index, record, slot, generation", size.bytes, "bytes", 250);
  }
  MeasureInsert(report, size);
}

}  // namespace
}  // namespace plugreload::bench

int main(int argc, char** argv) {
  using namespace plugreload::bench;
  Report report(argc, argv, "resolve", 15);
  Measure(report, 1'000, 1.0);
  Measure(report, 10'000, 0);
  Measure(report, 100'000, 0);
  Measure(report, 1'000'000, 0.5);
  return report.Finish();
}
