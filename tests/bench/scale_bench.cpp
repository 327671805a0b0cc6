// What size costs: namespaces, versions, live processes, long lists; and what is allocated.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "harness.hpp"
#include "mounts.hpp"
#include "plugreload/runtime.hpp"
#include "served.hpp"

namespace {
std::atomic<std::uint64_t> allocations{0};
}  // namespace

// Every allocation of this program that is made in C++.
void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  const auto align = static_cast<std::size_t>(alignment);
  if (void* memory = std::aligned_alloc(align, (size + align - 1) / align * align)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

namespace plugreload::bench {
namespace {

namespace fs = std::filesystem;

template <typename Action>
double MillisOf(const Action& action) {
  const double start = WallNow();
  action();
  return (WallNow() - start) / 1e6;
}

std::size_t Entries(const char* directory) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

class AllowAll : public Host {
 public:
  Decision Authorise(const Call&) noexcept override { return Decision::kAllow; }
};

void MeasureNamespaces(Report& report) {
  constexpr std::size_t kNamespaces = 10'000;
  DataSet data(1);
  data.mounts.clear();
  data.namespaces.clear();
  const double empty = Served(data).bytes();
  for (std::size_t i = 0; i < 100; ++i) data.namespaces.push_back(fmt::format("team-{:02}/", i));
  for (std::size_t i = 100; i < kNamespaces; ++i) {
    data.namespaces.push_back(fmt::format("team-{:02}/project-{:04}/", i % 100, i / 100));
  }
  report.Figure("memory per namespace, of 10,000",
                (Served(data).bytes() - empty) / static_cast<double>(kNamespaces), "bytes");
}

PluginSpec Version(std::size_t number) {
  PluginSpec spec;
  spec.ref = {PluginType::kSecret, "kv", fmt::format("v{}.{}.0", number / 100, number % 100)};
  spec.launcher = "object";
  return spec;
}

std::unique_ptr<Runtime> Make(RuntimeOptions options) {
  options.allow_unhashed = true;
  CallbackLauncherOptions object;
  object.start = [](const LaunchSpec&, const StartContext&) {
    return Result<std::shared_ptr<void>>(std::make_shared<std::uint64_t>(1));
  };
  options.launchers["object"] = NewCallbackLauncher(std::move(object));
  auto made = Runtime::Create(std::move(options));
  if (!made.ok()) GiveUp(made.status());
  return *std::move(made);
}

void MeasureVersions(Report& report) {
  constexpr std::size_t kVersions = 10'000, kPart = 1'000;
  const auto runtime = Make({});
  const auto add = [&](std::size_t begin) {
    return MillisOf([&] {
      for (std::size_t i = begin; i < begin + kPart; ++i) {
        if (Status added = runtime->registry().Register(Version(i)); !added.ok()) GiveUp(added);
      }
    });
  };
  const double before = HeapBytes();
  const double first = add(0);
  for (std::size_t i = kPart; i < kVersions - kPart; i += kPart) add(i);
  const double last = add(kVersions - kPart);
  report.Figure("registering a version, the first 1,000", first * 1e3 / kPart, "us");
  report.Figure("registering a version, the last 1,000 of 10,000", last * 1e3 / kPart, "us");
  report.Figure("memory per catalog entry, of 10,000, with the store's copy",
                (HeapBytes() - before) / kVersions, "bytes");
  const double resolve = MillisOf([&] {
    for (std::size_t i = 0; i < kVersions; ++i) {
      const auto found =
          runtime->registry().Resolve(PluginType::kSecret, "kv", Version(i).ref.version, false);
      if (!found.ok()) GiveUp(found.status());
    }
  });
  report.Figure("resolving one of 10,000 versions", resolve * 1e3 / kVersions, "us");
}

void Mount(Runtime& runtime, std::size_t number) {
  MountEntry entry;
  entry.path = fmt::format("child{}", number);
  entry.plugin = "child";
  const auto mounted = runtime.reloads().Mount(std::move(entry), After(Millis(60'000)));
  if (!mounted.ok()) GiveUp(mounted.status());
}

void MeasureProcesses(Report& report) {
  constexpr std::size_t kProcesses = 200;
  constexpr double kAdded = kProcesses - 1;
  const ScratchDirectory directory;
  RuntimeOptions options;
  options.process.run_directory = directory.path();
  const auto runtime = Make(std::move(options));
  PluginSpec spec;
  spec.ref = {PluginType::kSecret, "child", "v1.0.0"};
  spec.command = PLUGRELOAD_BENCH_CHILD;
  spec.sha256 = Sha256Of(spec.command);
  if (Status added = runtime->registry().Register(spec); !added.ok()) GiveUp(added);
  Mount(*runtime, 0);  // the image, and the threads
  const double heap = HeapBytes();
  const std::size_t descriptors = Entries("/proc/self/fd"), threads = Entries("/proc/self/task");
  const double started = MillisOf([&] {
    for (std::size_t i = 1; i < kProcesses; ++i) Mount(*runtime, i);
  });
  report.Figure("mounting a process, to 200", started / kAdded, "ms");
  report.Figure("memory of the host per live process, of 200", (HeapBytes() - heap) / kAdded,
                "bytes");
  report.Figure("descriptors per live process",
                static_cast<double>(Entries("/proc/self/fd") - descriptors) / kAdded, "");
  report.Figure("threads more with 200 processes than with one",
                static_cast<double>(Entries("/proc/self/task")) - static_cast<double>(threads), "");
  ReloadRequest request;
  request.target = ByPlugin{PluginType::kSecret, "child"};
  const double reloaded = MillisOf([&] {
    const auto reload = runtime->reloads().Reload(request);
    if (!reload.ok()) GiveUp(reload.status());
    if (reload->reloaded != kProcesses) GiveUp(reload->mounts.front().status);
  });
  report.Figure("reload of 200 live processes", reloaded / kProcesses, "ms each");
}

Response Get(Runtime& runtime, const std::string& target) {
  plugreload::Request request;
  request.method = "GET";
  request.target = target;
  Response response = runtime.Dispatch(request);
  if (response.status != 200) GiveUp(Status(Code::kInternal, "list", response.body));
  return response;
}

// A namespace of very many mounts, whole and in parts of a thousand.
void MeasureLists(Report& report) {
  constexpr std::size_t kMounts = 100'000, kPart = 1'000;
  DataSet data(1);
  data.namespaces.clear();
  data.mounts.clear();
  for (std::size_t i = 0; i < kMounts; ++i) {
    data.mounts.push_back({"", fmt::format("kv-{:07}/", i)});
  }
  Served served(data, "", std::make_shared<AllowAll>());
  Runtime& runtime = served.runtime();
  std::size_t bytes = 0;
  report.Figure("list of 100,000 mounts at once",
                MillisOf([&] { bytes = Get(runtime, "/v1/sys/mounts").body.size(); }), "ms");
  report.Figure("the size of that answer", static_cast<double>(bytes) / 1e6, "MB");
  std::size_t largest = 0;
  const double walked = MillisOf([&] {
    for (std::size_t i = 0; i < kMounts; i += kPart) {
      const std::string after = i == 0 ? "" : fmt::format("kv-{:07}/", i - 1);
      const Response part =
          Get(runtime, fmt::format("/v1/sys/mounts?limit={}&after={}", kPart, after));
      largest = std::max(largest, part.body.size());
    }
  });
  report.Figure("a part of 1,000 of that list", walked * kPart / kMounts, "ms");
  report.Figure("the size of the largest part", static_cast<double>(largest) / 1e6, "MB");
  report.Figure("one mount of 100,000 read by its path",
                MillisOf([&] { Get(runtime, "/v1/sys/mounts/kv-0050000"); }), "ms");
}

void MeasureAllocations(Report& report) {
  constexpr std::size_t kTimes = 100'000;
  DataSet data(1'000);
  Served served(data);
  ReloadCoordinator& reloads = served.runtime().reloads();
  const auto acquire = [&] {
    for (std::size_t i = 0; i < kTimes; ++i) {
      const MountPath& mount = data.mounts[i % data.mounts.size()];
      const auto lease = reloads.Acquire(mount.ns, mount.path, Millis(0));
      if (!lease.ok()) GiveUp(lease.status());
    }
  };
  acquire();  // this thread's record and counters
  std::uint64_t before = allocations.load();
  acquire();
  constexpr double kNone = 1e-9;  // a bar of 0 is none
  report.Figure("allocations per Acquire and release",
                static_cast<double>(allocations.load() - before) / kTimes, "", kNone);
  served.ReloadMount(data.mounts.front());
  before = allocations.load();
  for (int i = 0; i < 100; ++i) served.ReloadMount(data.mounts.front());
  report.Figure("allocations per reload of one mount",
                static_cast<double>(allocations.load() - before) / 100, "");
  (void)served.Reload();
  before = allocations.load();
  (void)served.Reload();
  report.Figure("allocations per mount in a reload of 1,000 of one instance",
                static_cast<double>(allocations.load() - before) / 1'000, "");
}

}  // namespace
}  // namespace plugreload::bench

int main(int argc, char** argv) {
  using namespace plugreload::bench;
  Report report(argc, argv, "scale", 1);
  MeasureAllocations(report);
  MeasureNamespaces(report);
  MeasureVersions(report);
  MeasureProcesses(report);
  MeasureLists(report);
  return report.Finish();
}
