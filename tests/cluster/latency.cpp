// How long a global reload takes from the request until the last of three nodes is done, beside
// what it consists of: the way of a commit through etcd to a watch, and the reload of one node
// alone.
//
//   latency [ROUNDS]
//
// Prints milliseconds. On a machine with few cores three members of etcd and three nodes share
// them.
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "cluster/etcd_server.hpp"
#include "plugreload/runtime.hpp"

namespace {

using namespace plugreload;
using Clock = std::chrono::steady_clock;

constexpr Millis kSoon{20'000};

template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.status().ToString());
  return *std::move(result);
}
void Must(const Status& status) {
  if (!status.ok()) throw std::runtime_error(status.ToString());
}

struct Times {
  std::vector<double> all;  // milliseconds
  void Add(Clock::time_point begin) {
    all.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  }
  double At(double part) {
    std::sort(all.begin(), all.end());
    return all.at(std::min(all.size() - 1, static_cast<std::size_t>(part * double(all.size()))));
  }
  void Print(const char* what) { std::printf("%-66s %8.2f %8.2f\n", what, At(0.5), At(0.99)); }
};

std::shared_ptr<StateStore> Open(const test::EtcdCluster& etcd) {
  return Must(NewEtcdStore(etcd.Options()));
}

// An object whose start takes as long as a process that has something to load.
std::shared_ptr<Launcher> Starts(Millis time) {
  CallbackLauncherOptions options;
  options.start = [time](const LaunchSpec&, const StartContext& context) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, context.cancel, time, [] { return false; });
    return Result<std::shared_ptr<void>>(std::make_shared<int>(0));
  };
  return NewCallbackLauncher(std::move(options));
}

std::unique_ptr<Runtime> Node(std::string name, std::shared_ptr<StateStore> store, Millis start) {
  RuntimeOptions options;
  options.node = std::move(name);
  options.store = std::move(store);
  options.allow_unhashed = true;
  options.launchers["process"] = options.launchers["object"] = Starts(start);
  return Must(Runtime::Create(std::move(options)));
}

Times CommitToWatch(const test::EtcdCluster& etcd, int rounds) {
  const auto writer = Open(etcd), reader = Open(etcd);
  std::mutex mutex;
  std::condition_variable changed;
  Revision seen = 0;
  const auto watcher = Must(reader->Watch("probe/", 0, [&](const Result<WatchBatch>& batch) {
    const std::lock_guard lock(mutex);
    if (batch.ok()) seen = batch->revision;
    changed.notify_all();
  }));
  Times times;
  for (int i = 0; i < rounds; ++i) {
    const Change change{"probe/key", std::to_string(i), std::nullopt};
    const auto begin = Clock::now();
    const Revision made = Must(writer->Commit({&change, 1}, After(kSoon)));
    std::unique_lock lock(mutex);
    if (!changed.wait_for(lock, kSoon, [&] { return seen >= made; })) {
      throw std::runtime_error("the watch is silent");
    }
    times.Add(begin);
  }
  return times;
}

Times Reloads(Runtime& runtime, Scope scope, Strategy strategy, int rounds) {
  ReloadRequest request;
  request.target = ByPlugin{PluginType::kSecret, "kv"};
  request.scope = scope;
  request.strategy = strategy;
  Times times;
  for (int i = 0; i < rounds; ++i) {
    const auto begin = Clock::now();
    const std::string id = Must(runtime.reloads().Submit(request));
    const ReloadReport report = Must(runtime.reloads().Wait(id, After(kSoon)));
    if (report.state != ReloadState::kDone) throw std::runtime_error("a reload that is not done");
    times.Add(begin);
  }
  return times;
}

void Measure(const test::EtcdCluster& etcd, Millis start, int rounds, Times& put) {
  std::vector<std::unique_ptr<Runtime>> nodes;
  for (const char* name : {"a", "b", "c"}) nodes.push_back(Node(name, Open(etcd), start));
  if (!nodes[0]->registry().Find({PluginType::kSecret, "kv", "v1.0.0"})) {
    PluginSpec spec;
    spec.ref = {PluginType::kSecret, "kv", "v1.0.0"};
    spec.launcher = "object";
    Must(nodes[0]->registry().Register(spec));
    MountEntry mount;
    mount.path = "kv/";
    mount.plugin = "kv";
    (void)Must(nodes[0]->reloads().Mount(mount, After(kSoon)));
  }
  // Not yet in the other nodes' images, perhaps.
  for (const auto& node : nodes) {
    const Deadline deadline = After(kSoon);
    while (!node->reloads().Acquire("", "kv/", kSoon).ok()) {
      if (Clock::now() > deadline) throw std::runtime_error("a node that does not serve");
    }
  }
  Times local = Reloads(*nodes[1], Scope::kLocal, Strategy::kAll, rounds);
  Times all = Reloads(*nodes[1], Scope::kGlobal, Strategy::kAll, rounds);
  Times rolling = Reloads(*nodes[1], Scope::kGlobal, Strategy::kRolling, rounds / 2 + 1);
  std::printf("\nplugins that take %lld ms to start\n", static_cast<long long>(start.count()));
  local.Print("  a reload of one node alone");
  all.Print("  a global reload of three nodes, request to last node done");
  rolling.Print("  the same, rolling, one at a time");
  std::printf("%-66s %8.2f\n", "  all: beyond one commit to watch and one local reload, median",
              all.At(0.5) - put.At(0.5) - local.At(0.5));
  std::printf("%-66s %8.2f\n", "  rolling: the same beyond three local reloads, median",
              rolling.At(0.5) - put.At(0.5) - 3 * local.At(0.5));
  for (const auto& node : nodes) Must(node->Close(After(kSoon)));
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 40;
  try {
    test::EtcdSetup setup;
    setup.members = 3;
    test::EtcdCluster etcd(setup);
    std::printf("%-66s %8s %8s\n", "milliseconds", "median", "p99");
    Times put = CommitToWatch(etcd, 5 * rounds);
    put.Print("a commit on etcd of three members until another store's watch has it");
    for (const Millis start : {Millis(0), Millis(50)}) Measure(etcd, start, rounds, put);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
