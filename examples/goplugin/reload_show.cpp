// A Go plugin replaced under load: reload_show PLUGINS [RELOADS]. Exit status 0: no request failed.
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <kv.grpc.pb.h>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "plugreload/goplugin.hpp"
#include "plugreload/runtime.hpp"

namespace {

using namespace plugreload;  // NOLINT(google-build-using-namespace)

constexpr Millis kPatience{20'000};
constexpr int kThreads = 4;
const PluginType kType = PluginType::kSecret;

template <typename T>
T Must(Result<T> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "%s\n", result.status().ToString().c_str());
    std::exit(1);
  }
  return *std::move(result);
}
void Must(const Status& status) {
  if (!status.ok()) Must(Result<int>(status));
}

// Requests from several threads, each under a lease of its own: a mount has one plugin at a time,
// and the lease tells which.
class Load {
 public:
  explicit Load(ReloadCoordinator& reloads) {
    for (int i = 0; i < kThreads; ++i) {
      threads_.emplace_back([this, &reloads] {
        while (!stop_) Ask(reloads);
      });
    }
  }
  void Stop() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
  }
  std::map<std::string, int> TakeAnswers() {
    const std::lock_guard lock(mutex_);
    return std::exchange(answers_, {});
  }
  int requests() const { return requests_; }
  int failed() const { return failed_; }

 private:
  void Ask(ReloadCoordinator& reloads) {
    std::string version;
    if (auto lease = reloads.Acquire("", "kv/key", kPatience); lease.ok()) {
      grpc::ClientContext context;
      context.set_deadline(std::chrono::system_clock::now() + kPatience);
      example::GetRequest request;
      request.set_key("key");
      example::GetAnswer answer;
      const auto stub = example::Kv::NewStub(ChannelOf(*lease));
      if (stub->Get(&context, request, &answer).ok()) version = answer.version();
    }
    ++requests_;
    if (version.empty()) ++failed_;
    const std::lock_guard lock(mutex_);
    ++answers_[version.empty() ? "failed" : version];
  }

  std::atomic<bool> stop_{false};
  std::atomic<int> requests_{0}, failed_{0};
  std::mutex mutex_;
  std::map<std::string, int> answers_;
  std::vector<std::thread> threads_;
};

PluginSpec Plugin(const std::string& plugins, const std::string& version) {
  PluginSpec spec;
  spec.ref = {kType, "kv", "v" + version};
  spec.launcher = "goplugin";
  spec.command = plugins + "/kv_go_" + version;
  spec.protocols = {"grpc"};
  spec.handshake = Handshake{"PLUGRELOAD_EXAMPLE", "kv", {1}};
  return spec;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("reload_show PLUGINS [RELOADS]\n", stderr);
    return 2;
  }
  const int reloads = argc > 2 ? std::atoi(argv[2]) : 20;
  std::string directory = std::filesystem::temp_directory_path() / "plr-show.XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) return 1;
  RuntimeOptions options;
  GoPluginLauncherOptions launcher;
  launcher.process.run_directory = options.process.run_directory = directory;
  options.launchers["goplugin"] = Must(NewGoPluginLauncher(launcher));
  options.allow_unhashed = true;
  const auto runtime = Must(Runtime::Create(std::move(options)));
  for (const char* version : {"1.0.0", "2.0.0"}) {
    Must(runtime->registry().Register(Plugin(argv[1], version)));
  }
  Must(runtime->registry().SetPin({kType, "kv", "v1.0.0"}));
  MountEntry mount;
  mount.path = "kv/";
  mount.plugin = "kv";
  Must(runtime->reloads().Mount(mount, After(kPatience)));

  Load load(runtime->reloads());
  for (int i = 0; i < reloads; ++i) {
    const std::string version = i % 2 == 0 ? "v2.0.0" : "v1.0.0";
    Must(runtime->registry().SetPin({kType, "kv", version}));
    ReloadRequest request;
    request.target = ByPlugin{kType, "kv"};
    const ReloadReport report = Must(runtime->reloads().Reload(request));
    if (report.reloaded != 1) Must(report.mounts.at(0).status);
    std::printf("reload %2d to %s in %3lld ms, answered meanwhile:", i + 1, version.c_str(),
                static_cast<long long>(report.mounts.at(0).prepare.count()));
    for (const auto& [by, count] : load.TakeAnswers()) std::printf("  %s %d", by.c_str(), count);
    std::puts("");
    std::fflush(stdout);
  }
  load.Stop();
  std::printf("%d reloads of a Go plugin over AutoMTLS, %d requests of %d threads, %d failed\n",
              reloads, load.requests(), kThreads, load.failed());
  Must(runtime->Close(After(kPatience)));
  std::filesystem::remove_all(directory);
  return load.failed() == 0 ? 0 : 1;
}
