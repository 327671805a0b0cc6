// What a request pays for a lease, beside what a host would write by hand: a table behind a
// std::shared_mutex that hands out std::shared_ptr. Both in one run, with the ratio at the end.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "plugreload/runtime.hpp"

namespace {

using plugreload::Millis;

constexpr int kMounts = 100;
constexpr std::string_view kPath = "kv50/some/path/of/a/request";

// A runtime with mounts of an object of the host, so that nothing but the library is measured.
std::unique_ptr<plugreload::Runtime> MakeRuntime() {
  plugreload::RuntimeOptions options;
  options.allow_unhashed = true;
  plugreload::CallbackLauncherOptions callback;
  callback.start = [](const plugreload::LaunchSpec&, const plugreload::StartContext&) {
    return plugreload::Result<std::shared_ptr<void>>(std::make_shared<int>(0));
  };
  options.launchers["process"] = plugreload::NewCallbackLauncher(std::move(callback));
  auto runtime = plugreload::Runtime::Create(std::move(options));
  if (!runtime.ok()) return nullptr;
  plugreload::PluginSpec spec;
  spec.ref = {plugreload::PluginType::kSecret, "kv", "v1.0.0"};
  spec.command = "/bin/true";
  if (!(*runtime)->registry().Register(spec).ok()) return nullptr;
  for (int i = 0; i < kMounts; ++i) {
    plugreload::MountEntry entry;
    entry.path = "kv" + std::to_string(i);
    entry.plugin = "kv";
    const auto deadline = plugreload::After(Millis{10'000});
    if (!(*runtime)->reloads().Mount(std::move(entry), deadline).ok()) return nullptr;
  }
  return *std::move(runtime);
}

// What one would write first: longest prefix in an ordered map under a reader lock.
class Table {
 public:
  Table() {
    for (int i = 0; i < kMounts; ++i) {
      mounts_["kv" + std::to_string(i) + "/"] = std::make_shared<int>(i);
    }
  }
  std::shared_ptr<int> Find(std::string_view path) const {
    const std::shared_lock lock(mutex_);
    auto it = mounts_.upper_bound(path);
    while (it != mounts_.begin()) {
      --it;
      if (path.starts_with(it->first)) return it->second;
    }
    return nullptr;
  }

 private:
  mutable std::shared_mutex mutex_;
  std::map<std::string, std::shared_ptr<int>, std::less<>> mounts_;
};

plugreload::Runtime* runtime = nullptr;
const Table* table = nullptr;

void Lease(benchmark::State& state) {
  for (auto _ : state) {
    auto lease = runtime->reloads().Acquire("", kPath, Millis{0});
    if (!lease.ok()) state.SkipWithError(std::string(lease.status().message()).c_str());
    benchmark::DoNotOptimize(lease);
  }
}

void SharedMutex(benchmark::State& state) {
  for (auto _ : state) {
    auto found = table->Find(kPath);
    if (found == nullptr) state.SkipWithError("not found");
    benchmark::DoNotOptimize(found);
  }
}

// Prints as usual, and keeps the times for the ratio.
class Ratios : public benchmark::ConsoleReporter {
 public:
  Ratios() : ConsoleReporter(::isatty(STDOUT_FILENO) == 1 ? OO_Defaults : OO_Tabular) {}

  void ReportRuns(const std::vector<Run>& runs) override {
    ConsoleReporter::ReportRuns(runs);
    for (const Run& run : runs) {
      failed_ = failed_ || run.error_occurred;
      // Wall-clock time divided by the requests of all threads together.
      times_[run.threads][run.run_name.function_name] = run.GetAdjustedRealTime();
    }
  }
  bool Print() const {
    for (const auto& [threads, times] : times_) {
      if (!times.contains("Lease") || !times.contains("SharedMutex")) continue;
      const double lease = times.at("Lease"), baseline = times.at("SharedMutex");
      std::printf(
          "%ld thread(s): a request per %.1f ns, with shared_mutex %.1f ns: %.2f times as fast\n",
          static_cast<long>(threads), lease, baseline, baseline / lease);
    }
    return !failed_;
  }

 private:
  std::map<std::int64_t, std::map<std::string, double>> times_;
  bool failed_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  const std::unique_ptr<plugreload::Runtime> owner = MakeRuntime();
  if (owner == nullptr) {
    std::fprintf(stderr, "cannot make a runtime with %d mounts\n", kMounts);
    return 1;
  }
  runtime = owner.get();
  const Table owned_table;
  table = &owned_table;
  for (const int threads : {1, 2, 4}) {
    benchmark::RegisterBenchmark("Lease", Lease)->Threads(threads)->UseRealTime();
    benchmark::RegisterBenchmark("SharedMutex", SharedMutex)->Threads(threads)->UseRealTime();
  }
  Ratios reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  return reporter.Print() ? 0 : 1;
}
