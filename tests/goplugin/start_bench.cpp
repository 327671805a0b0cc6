// Start, one call and shutdown of the same Go plugin: here and with the original's client in Go.
//
//   start_bench GO_HOST PLUGIN [TIMES [plain|mtls]]
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <sys/resource.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <kv.grpc.pb.h>
#include <string>

#include "plugreload/goplugin.hpp"

namespace {

using plugreload::GoPluginSecurity;

// Of one start; the processor's time apart for the host and for the plugin.
struct Cost {
  double wall_ms = 0;
  double host_ms = 0;
  double plugin_ms = 0;

  Cost& operator+=(const Cost& other) {
    wall_ms += other.wall_ms;
    host_ms += other.host_ms;
    plugin_ms += other.plugin_ms;
    return *this;
  }
  double cpu_ms() const { return host_ms + plugin_ms; }
};

double CpuMs(int who) {
  rusage usage{};
  getrusage(who, &usage);
  double total = 0;
  for (const timeval& time : {usage.ru_utime, usage.ru_stime}) {
    total += static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_usec) / 1e3;
  }
  return total;
}

void Fail(const std::string& what) {
  std::fprintf(stderr, "start_bench: %s\n", what.c_str());
  std::exit(1);
}

// Of a catalog entry, which is what is started: it is read once, and every start shares that.
std::string Sha256OfFile(const std::string& path) {
  std::FILE* const pipe = popen(("sha256sum < " + path).c_str(), "re");
  std::array<char, 65> text{};
  if (pipe == nullptr || std::fread(text.data(), 1, 64, pipe) != 64) Fail("cannot hash " + path);
  pclose(pipe);
  return text.data();
}

plugreload::LaunchSpec Spec(const std::string& plugin, const std::string& sha256) {
  plugreload::LaunchSpec spec;
  spec.plugin.ref = {plugreload::PluginType::kSecret, "kv", "v1.0.0"};
  spec.command = spec.plugin.command = plugin;
  spec.plugin.sha256 = sha256;
  spec.handshake = {"PLUGRELOAD_EXAMPLE", "kv", {1}};
  return spec;
}

void Once(plugreload::Launcher& launcher, const plugreload::LaunchSpec& spec) {
  plugreload::StartContext context;
  context.deadline = plugreload::After(plugreload::Millis{60'000});
  context.on_exit = [](const plugreload::InstanceExit&) {};
  auto instance = launcher.Start(spec, context);
  if (!instance.ok()) Fail(instance.status().ToString());
  plugreload::example::GetRequest request;
  request.set_key("k");
  plugreload::example::GetAnswer answer;
  grpc::ClientContext call;
  const auto channel = plugreload::ChannelOf((*instance)->info());
  const auto status = plugreload::example::Kv::NewStub(channel)->Get(&call, request, &answer);
  if (!status.ok()) Fail(status.error_message());
  const auto stopped = (*instance)->Stop(plugreload::After(plugreload::Millis{10'000}));
  if (!stopped.ok()) Fail(stopped.ToString());
}

Cost Ours(const std::string& directory, const std::string& plugin, GoPluginSecurity security,
          int times) {
  plugreload::GoPluginLauncherOptions options;
  options.process.run_directory = directory;
  options.security = security;
  const plugreload::LaunchSpec spec = Spec(plugin, Sha256OfFile(plugin));
  const auto begin = std::chrono::steady_clock::now();
  const double host = CpuMs(RUSAGE_SELF), plugin_before = CpuMs(RUSAGE_CHILDREN);
  {
    auto launcher = plugreload::NewGoPluginLauncher(options);
    if (!launcher.ok()) Fail(launcher.status().ToString());
    for (int i = 0; i < times; ++i) Once(**launcher, spec);
  }
  const std::chrono::duration<double, std::milli> wall = std::chrono::steady_clock::now() - begin;
  return {wall.count() / times, (CpuMs(RUSAGE_SELF) - host) / times,
          (CpuMs(RUSAGE_CHILDREN) - plugin_before) / times};
}

Cost Theirs(const std::string& go_host, const std::string& plugin, bool mtls, int times) {
  const std::string command =
      go_host + (mtls ? " -mtls" : "") + " -times " + std::to_string(times) + " " + plugin;
  std::FILE* const pipe = popen(command.c_str(), "re");
  if (pipe == nullptr) Fail("cannot run " + command);
  int done = 0;
  Cost cost;
  const int read =
      std::fscanf(pipe, "%d %lf %lf %lf", &done, &cost.wall_ms, &cost.host_ms, &cost.plugin_ms);
  if (pclose(pipe) != 0 || read != 4) Fail("it failed: " + command);
  return cost;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) Fail("GO_HOST PLUGIN [TIMES]");
  const int times = argc > 3 ? std::atoi(argv[3]) : 20;
  std::string directory = "/tmp/plr-bench.XXXXXX";
  if (mkdtemp(directory.data()) == nullptr) Fail("cannot make a directory");
  std::printf("start + call + shutdown of a Go plugin, %d times, host and plugin together\n",
              times);
  std::printf("%-18s %17s %22s %14s\n", "", "plugreload", "go-plugin client", "ratio");
  const std::string only = argc > 4 ? argv[4] : "";
  for (const bool mtls : {false, true}) {
    const std::string name = mtls ? "mtls" : "plain";
    if (!only.empty() && only != name) continue;
    const auto security = mtls ? GoPluginSecurity::kAutoMtls : GoPluginSecurity::kPlain;
    // In turns, so that what else the machine does hits both; short ones, and the sum.
    Cost ours;
    Cost theirs;
    constexpr int kTurns = 5;
    for (int turn = 0; turn < kTurns; ++turn) {
      ours += Ours(directory, argv[2], security, times);
      theirs += Theirs(argv[1], argv[2], mtls, times);
    }
    const auto row = [&](const std::string& what, double here, double there) {
      std::printf("%-18s %14.2f ms %19.2f ms %14.2f\n", (name + what).c_str(), here / kTurns,
                  there / kTurns, here / there);
    };
    row(" wall", ours.wall_ms, theirs.wall_ms);
    row(" cpu", ours.cpu_ms(), theirs.cpu_ms());
    row(" cpu, the host's", ours.host_ms, theirs.host_ms);
    row(" cpu, the plugin's", ours.plugin_ms, theirs.plugin_ms);
  }
  std::error_code ignored;
  std::filesystem::remove_all(directory, ignored);
  return 0;
}
