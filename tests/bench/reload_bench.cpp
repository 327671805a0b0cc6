// What a reload of processes costs beside starting and stopping them by hand, program and work of
// the child being the same: it ends at the answer of Reload, its old instances retired.
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bare_child.hpp"
#include "harness.hpp"
#include "mounts.hpp"
#include "plugreload/runtime.hpp"
#include "served.hpp"

namespace plugreload::bench {
namespace {

constexpr int kMany = 16;

// "one" with a mount, "many" with sixteen; a process for each mount.
class Processes {
 public:
  Processes() {
    RuntimeOptions options;
    options.allow_unhashed = true;
    options.process.run_directory = directory_.path();
    auto made = Runtime::Create(std::move(options));
    if (!made.ok()) GiveUp(made.status());
    runtime_ = *std::move(made);
    Add("one", 1);
    Add("many", kMany);
  }
  ReloadReport Reload(const char* name) {
    ReloadRequest request;
    request.target = ByPlugin{PluginType::kSecret, name};
    auto report = runtime_->reloads().Reload(request);
    if (!report.ok()) GiveUp(report.status());
    if (report->state != ReloadState::kDone) GiveUp(report->mounts.front().status);
    return *std::move(report);
  }

 private:
  void Add(const char* name, int mounts) {
    PluginSpec spec;
    spec.ref = {PluginType::kSecret, name, "v1.0.0"};
    spec.command = PLUGRELOAD_BENCH_CHILD;
    spec.sha256 = Sha256Of(spec.command);
    if (Status status = runtime_->registry().Register(spec); !status.ok()) GiveUp(status);
    for (int i = 0; i < mounts; ++i) {
      MountEntry entry;
      entry.path = fmt::format("{}{}", name, i);
      entry.plugin = name;
      const auto mounted = runtime_->reloads().Mount(std::move(entry), After(Millis(60'000)));
      if (!mounted.ok()) GiveUp(mounted.status());
    }
  }

  ScratchDirectory directory_;
  std::unique_ptr<Runtime> runtime_;
};

// A gigabyte of pages that are there, as of a host with a big heap.
class Ballast {
 public:
  Ballast() {
    memory_ = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory_ == MAP_FAILED) GiveUp(Status(Code::kResourceExhausted, "memory", "no ballast"));
    madvise(memory_, kBytes, MADV_NOHUGEPAGE);
    std::memset(memory_, 1, kBytes);
  }
  ~Ballast() { munmap(memory_, kBytes); }
  Ballast(const Ballast&) = delete;
  Ballast& operator=(const Ballast&) = delete;

 private:
  static constexpr std::size_t kBytes = std::size_t{1} << 30;
  void* memory_;
};

void Bare(const std::string& directory) {
  if (!BareCycle(PLUGRELOAD_BENCH_CHILD, directory)) {
    GiveUp(Status(Code::kInternal, "child", "the bare child did not run"));
  }
}

template <typename Action>
double Micros(int times, const Action& action) {
  std::vector<double> costs;
  for (int i = 0; i < times; ++i) {
    const double start = WallNow();
    action();
    costs.push_back((WallNow() - start) / 1'000);
  }
  return Median(costs);
}

template <typename Action>
Used Uses(int times, const Action& action) {
  const Used before = UsedSoFar();
  for (int i = 0; i < times; ++i) action();
  const Used after = UsedSoFar();
  return {(after.micros - before.micros) / times, (after.switches - before.switches) / times};
}

// What a busy machine does not change: processor time, and how often a thread went to sleep.
void MeasureWork(Report& report, Processes& processes, const std::string& directory) {
  constexpr int kTimes = 20;
  Rounds rounds;
  std::vector<double> ours_switches, bare_switches;
  const auto ours = rounds.Add("reload, processor time", [&] {
    const Used used = Uses(kTimes, [&] { processes.Reload("one"); });
    ours_switches.push_back(used.switches);
    return used.micros;
  });
  const auto bare = rounds.Add("bare, processor time", [&] {
    const Used used = Uses(kTimes, [&] { Bare(directory); });
    bare_switches.push_back(used.switches);
    return used.micros;
  });
  rounds.Run(report.rounds());
  report.Compare("processor time of a reload of one process to a bare one", rounds, ours, bare, 0,
                 1, "us");
  report.Figure("times that a thread sleeps in a reload of one process", Median(ours_switches), "");
  report.Figure("times that a thread sleeps in a bare one", Median(bare_switches), "");
}

// Where the time of one reload goes: the parts that it is made of, by themselves.
void MeasureBudget(Report& report, Processes& processes, const std::string& directory) {
  constexpr int kTimes = 10;
  ProcessLauncherOptions options;
  options.run_directory = directory;
  auto launcher = NewProcessLauncher(std::move(options));
  if (!launcher.ok()) GiveUp(launcher.status());
  LaunchSpec spec;
  spec.plugin.ref = {PluginType::kSecret, "one", "v1.0.0"};
  spec.plugin.command = spec.command = PLUGRELOAD_BENCH_CHILD;
  spec.plugin.sha256 = Sha256Of(spec.command);
  spec.handshake.protocol_versions = {1};
  spec.instance = "one";
  Rounds rounds;
  std::vector<double> bare_stop, launcher_stop;
  const auto bare = rounds.Add("bare start", [&] {
    BareCost cost;
    for (int i = 0; i < kTimes; ++i) {
      if (!BareParts(PLUGRELOAD_BENCH_CHILD, directory, cost)) std::exit(1);
    }
    bare_stop.push_back(cost.stop / kTimes);
    return cost.start / kTimes;
  });
  const auto ours = rounds.Add("start by the launcher", [&] {
    BareCost cost;
    for (int i = 0; i < kTimes; ++i) {
      StartContext context;
      context.deadline = After(Millis(60'000));
      context.on_exit = [](const InstanceExit&) {};
      const double begin = WallNow();
      auto started = (*launcher)->Start(spec, context);
      if (!started.ok()) GiveUp(started.status());
      const double running = WallNow();
      if (Status stop = (*started)->Stop(After(Millis(60'000))); !stop.ok()) GiveUp(stop);
      cost.start += (running - begin) / 1'000;
      cost.stop += (WallNow() - running) / 1'000;
    }
    launcher_stop.push_back(cost.stop / kTimes);
    return cost.start / kTimes;
  });
  const auto whole =
      rounds.Add("whole reload", [&] { return Micros(kTimes, [&] { processes.Reload("one"); }); });
  rounds.Run(report.rounds());
  const double start = Median(rounds.costs(ours)), stop = Median(launcher_stop);
  report.Figure("budget of a reload: bare clone to the line", Median(rounds.costs(bare)), "us");
  report.Figure("budget of a reload: the launcher's start", start, "us");
  report.Figure("budget of a reload: bare SIGTERM to reaped", Median(bare_stop), "us");
  report.Figure("budget of a reload: the launcher's stop", stop, "us");
  report.Figure("budget of a reload: plan, swap, drain, report, threads",
                Median(rounds.costs(whole)) - start - stop, "us");
  report.Figure("budget of a reload: all of it", Median(rounds.costs(whole)), "us");
}

void MeasureProcesses(Report& report) {
  Processes processes;
  const ScratchDirectory directory;
  Rounds rounds;
  const auto bare = rounds.Add("bare clone, handshake, SIGTERM, reap",
                               [&] { return Micros(10, [&] { Bare(directory.path()); }); });
  const auto one = rounds.Add("reload of one process",
                              [&] { return Micros(10, [&] { processes.Reload("one"); }); });
  const auto spawn = rounds.Add("posix_spawn, handshake, SIGTERM, waitpid", [&] {
    return Micros(10, [&] {
      if (!SpawnCycle(PLUGRELOAD_BENCH_CHILD, directory.path())) std::exit(1);
    });
  });
  const auto many = rounds.Add("reload of 16 processes",
                               [&] { return Micros(2, [&] { processes.Reload("many"); }); });
  const auto sixteen = rounds.Add("16 bare ones, one after the other", [&] {
    return Micros(2, [&] {
      for (int i = 0; i < kMany; ++i) Bare(directory.path());
    });
  });
  rounds.Run(report.rounds());
  report.Compare("reload of one process to a bare one", rounds, one, bare, 1.15, 1, "us");
  report.Compare("reload of one process to posix_spawn", rounds, one, spawn, 0, 1, "us");
  report.Compare("reload of 16 processes to 16 bare ones", rounds, many, sixteen, 0.7, 1, "us");

  MeasureWork(report, processes, directory.path());
  MeasureBudget(report, processes, directory.path());

  Rounds sizes;
  const auto empty =
      sizes.Add("reload, empty host", [&] { return Micros(10, [&] { processes.Reload("one"); }); });
  const auto full = sizes.Add("reload, host of 1 GiB", [&] {
    const Ballast ballast;
    return Micros(10, [&] { processes.Reload("one"); });
  });
  sizes.Run(std::min(report.rounds(), 9));
  report.Compare("reload in a host of 1 GiB to an empty host", sizes, full, empty, 1.1, 1, "us");
}

// A host that is told of everything.
class Listener : public Host {
 public:
  void OnEvent(const Event&) noexcept override { told_.fetch_add(1, std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> told_{0};
};

void MeasureShared(Report& report) {
  constexpr std::size_t kMounts = 100'000;
  const DataSet data(kMounts);
  Served served(data, PLUGRELOAD_BENCH_CHILD, std::make_shared<Listener>());
  const ScratchDirectory directory;
  Rounds rounds;
  // The limit: the spawn, and 100 ns for each mount.
  const auto limit = rounds.Add("a spawn and 100 ns a mount", [&] {
    return Micros(5, [&] { Bare(directory.path()); }) + 0.1 * kMounts;
  });
  const auto ours =
      rounds.Add("reload of 100,000 mounts", [&] { return Micros(1, [&] { served.Reload(); }); });
  rounds.Run(std::min(report.rounds(), 5));
  report.Compare("100,000 mounts of one process to spawn + 100 ns each", rounds, ours, limit, 2, 1,
                 "us");
}

}  // namespace
}  // namespace plugreload::bench

int main(int argc, char** argv) {
  using namespace plugreload::bench;
  Report report(argc, argv, "reload", 11);
  MeasureProcesses(report);
  MeasureShared(report);
  return report.Finish();
}
