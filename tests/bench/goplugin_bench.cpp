// A plugin in Go from its start to its end, one call included: here, and by the original's client
// as Vault runs it, which is with a certificate for each start (AutoMTLS) and a checksum.
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <kv.grpc.pb.h>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "harness.hpp"
#include "plugreload/goplugin.hpp"
#include "served.hpp"

namespace plugreload::bench {
namespace {

constexpr int kTimes = 3;

// Of one start; the processor's time of host and plugin together.
struct Cost {
  double wall_ms = 0, cpu_ms = 0;
};

std::shared_ptr<Launcher> Make(const std::string& directory, GoPluginSecurity security) {
  GoPluginLauncherOptions options;
  options.process.run_directory = directory;
  options.security = security;
  auto launcher = NewGoPluginLauncher(std::move(options));
  if (!launcher.ok()) GiveUp(launcher.status());
  return *std::move(launcher);
}

void Once(Launcher& launcher, const std::string& sha256,
          const std::string& command = PLUGRELOAD_BENCH_GO_PLUGIN) {
  LaunchSpec spec;
  spec.plugin.ref = {PluginType::kSecret, "kv", "v1.0.0"};
  spec.command = spec.plugin.command = command;
  spec.plugin.sha256 = sha256;
  spec.handshake = {"PLUGRELOAD_EXAMPLE", "kv", {1}};
  StartContext context;
  context.deadline = After(Millis(60'000));
  context.on_exit = [](const InstanceExit&) {};
  auto instance = launcher.Start(spec, context);
  if (!instance.ok()) GiveUp(instance.status());
  example::GetRequest request;
  request.set_key("k");
  example::GetAnswer answer;
  grpc::ClientContext call;
  const auto channel = ChannelOf((*instance)->info());
  const auto status = example::Kv::NewStub(channel)->Get(&call, request, &answer);
  if (!status.ok()) GiveUp(Status(Code::kInternal, "call", status.error_message()));
  if (Status stopped = (*instance)->Stop(After(Millis(10'000))); !stopped.ok()) GiveUp(stopped);
}

Cost Theirs(const std::string& options, int times = kTimes) {
  const std::string command = std::string(PLUGRELOAD_BENCH_GO_HOST) + options + " -times " +
                              std::to_string(times) + " " + PLUGRELOAD_BENCH_GO_PLUGIN;
  std::FILE* const pipe = popen(command.c_str(), "re");
  int done = 0;
  double wall = 0, host = 0, plugin = 0;
  const int read =
      pipe == nullptr ? 0 : std::fscanf(pipe, "%d %lf %lf %lf", &done, &wall, &host, &plugin);
  if (pipe == nullptr || pclose(pipe) != 0 || read != 4) {
    GiveUp(Status(Code::kInternal, "go_host", command));
  }
  return {wall, host + plugin};
}

template <typename Action>
Cost Each(int times, const Action& action) {
  const double start = WallNow(), before = UsedSoFar().micros;
  for (int i = 0; i < times; ++i) action();
  return {(WallNow() - start) / 1e6 / times, (UsedSoFar().micros - before) / 1e3 / times};
}
template <typename Action>
double MillisEach(const Action& action) {
  return Each(kTimes, action).wall_ms;
}

// The same plugin, the same security, no checksum; ours also asks whether it serves, and plain who
// owns the socket. Many in a row, so that what a host does once counts for neither.
void MeasureAlike(Report& report, const std::string& directory, GoPluginSecurity security,
                  const std::string& sha256) {
  constexpr int kMany = 20;
  const auto launcher = Make(directory, security);
  const bool mtls = security == GoPluginSecurity::kAutoMtls;
  const std::string name = mtls ? "AutoMTLS" : "plain";
  Cost own, other;
  Rounds rounds;
  const auto ours = rounds.Add("start to stopped, " + name, [&] {
    own = Each(kMany, [&] { Once(*launcher, sha256); });
    return own.wall_ms;
  });
  const auto ours_cpu = rounds.AddBeside(ours, "the same", [&own] { return own.cpu_ms; });
  const auto theirs = rounds.Add("go-plugin, " + name, [&] {
    other = Theirs(mtls ? " -mtls" : "", kMany);
    return other.wall_ms;
  });
  const auto theirs_cpu = rounds.AddBeside(theirs, "the same", [&other] { return other.cpu_ms; });
  // Plain they are closer together than one round and the next.
  rounds.Run((mtls ? 1 : 20) * report.rounds());
  report.Compare("Go plugin, start to stopped, " + name + ", to go-plugin's client", rounds, ours,
                 theirs, 1, 1, "ms");
  report.Compare("Go plugin, the same in processor time, " + name, rounds, ours_cpu, theirs_cpu, 1,
                 1, "ms");
}

// More names of the plugin than a launcher keeps images of: what starts by the next one is read,
// copied, hashed and sealed anew.
class Versions {
 public:
  explicit Versions(const std::string& directory) {
    for (int i = 0; i < 8; ++i) {
      names_.push_back(directory + "/version" + std::to_string(i));
      std::filesystem::create_symlink(PLUGRELOAD_BENCH_GO_PLUGIN, names_.back());
    }
  }
  const std::string& Next() { return names_[next_++ % names_.size()]; }

 private:
  std::vector<std::string> names_;
  std::size_t next_ = 0;
};

void Measure(Report& report) {
  const ScratchDirectory scratch;
  const std::string& directory = scratch.path();
  const std::string sha256 = Sha256Of(PLUGRELOAD_BENCH_GO_PLUGIN);
  Versions versions(directory);
  const auto plain = Make(directory, GoPluginSecurity::kPlain);
  const auto plain_anew = Make(directory, GoPluginSecurity::kPlain);
  const auto mtls = Make(directory, GoPluginSecurity::kAutoMtls);
  const auto mtls_anew = Make(directory, GoPluginSecurity::kAutoMtls);
  Rounds rounds;
  const auto vault = rounds.Add("go-plugin, AutoMTLS and checksum",
                                [&] { return Theirs(" -mtls -sha256 " + sha256).wall_ms; });
  const auto first = rounds.Add("first start of a version, by peer credentials", [&] {
    return MillisEach([&] { Once(*plain_anew, sha256, versions.Next()); });
  });
  const auto second = rounds.Add("second start of a version, by peer credentials",
                                 [&] { return MillisEach([&] { Once(*plain, sha256); }); });
  const auto first_mtls = rounds.Add("first start of a version, AutoMTLS", [&] {
    return MillisEach([&] { Once(*mtls_anew, sha256, versions.Next()); });
  });
  const auto second_mtls = rounds.Add("second start of a version, AutoMTLS",
                                      [&] { return MillisEach([&] { Once(*mtls, sha256); }); });
  rounds.Run(report.rounds());
  report.Compare("Go plugin, hash included, to go-plugin as Vault runs it", rounds, first, vault,
                 0.2, 1, "ms");
  report.Compare("Go plugin, second start of a version, to the same", rounds, second, vault, 0.08,
                 1, "ms");
  report.Compare("Go plugin, hash and AutoMTLS here too, to the same", rounds, first_mtls, vault, 0,
                 1, "ms");
  report.Compare("Go plugin, second start, AutoMTLS here too, to the same", rounds, second_mtls,
                 vault, 0, 1, "ms");
  MeasureAlike(report, directory, GoPluginSecurity::kPlain, sha256);
  MeasureAlike(report, directory, GoPluginSecurity::kAutoMtls, sha256);
}

}  // namespace
}  // namespace plugreload::bench

int main(int argc, char** argv) {
  using namespace plugreload::bench;
  Report report(argc, argv, "goplugin", 7);
  Measure(report);
  return report.Finish();
}
