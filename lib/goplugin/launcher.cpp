#include <chrono>
#include <system_error>
#include <utility>

#include "goplugin/channel.hpp"
#include "goplugin/core.hpp"
#include "goplugin/exit_gate.hpp"
#include "goplugin/health.hpp"
#include "goplugin/inspect.hpp"
#include "goplugin/instance.hpp"
#include "goplugin/stdio.hpp"
#include "plugreload/goplugin.hpp"

namespace plugreload {
namespace goplugin {
namespace {

// The same words as the process launcher's errors begin with.
std::string Subject(const LaunchSpec& spec) {
  const PluginRef& ref = spec.plugin.ref;
  std::string text = "cannot start plugin " + std::string(PluginTypeName(ref.type)) + "/" +
                     ref.name + " " + (ref.version.empty() ? "(unversioned)" : ref.version);
  if (!spec.mount.path.empty()) {
    text += " for mount \"" + spec.mount.path + "\" of namespace \"" + spec.mount.ns + "\"";
  }
  if (!spec.instance.empty()) text += " (instance " + spec.instance + ")";
  return text;
}

class GoPluginLauncher : public Launcher {
 public:
  explicit GoPluginLauncher(std::shared_ptr<Core> core) : core_(std::move(core)) {}

  Result<std::unique_ptr<PluginInstance>> Start(const LaunchSpec& spec,
                                                const StartContext& context) override {
    core_->last_words->Begin(spec.instance);
    const auto gate = std::make_shared<ExitGate>();
    Result<std::unique_ptr<PluginInstance>> process = StartProcess(spec, context, gate);
    if (!process.ok()) {
      core_->last_words->Take(spec.instance);  // its error has them
      return process.status();
    }
    Status status = Serve(spec, context, gate, *process);
    if (status.ok()) {
      core_->last_words->Take(spec.instance);
      return process;
    }
    // Killed: whoever waits for this start gets no more time for a gentle end.
    [[maybe_unused]] const Status killed = (*process)->Stop(std::chrono::steady_clock::now());
    process->reset();
    const std::string last_words = core_->last_words->Take(spec.instance);
    return Status(status.code(), status.reason(),
                  Subject(spec) + ": " + std::string(status.message()) + last_words);
  }

  Result<PluginFacts> Inspect(const LaunchSpec& spec, const StartContext& context) override {
    const auto start = [this](const LaunchSpec& tried, const StartContext& within) {
      return Start(tried, within);
    };
    return goplugin::Inspect(start, spec, context);
  }

 private:
  Result<std::unique_ptr<PluginInstance>> StartProcess(const LaunchSpec& spec,
                                                       const StartContext& context,
                                                       const std::shared_ptr<ExitGate>& gate) {
    LaunchSpec launched = spec;
    if (core_->identity) {
      launched.plugin.env.push_back("PLUGIN_CLIENT_CERT=" + core_->identity->certificate_pem);
    }
    // What else a plugin speaks, this launcher does not.
    launched.plugin.protocols = {"grpc"};
    StartContext inner = context;
    inner.on_exit = [gate](const InstanceExit& exit) { gate->Ended(exit); };
    return core_->processes->Start(launched, inner);
  }

  std::shared_ptr<StdioStream> BeginStdio(const Connection& connection,
                                          const std::string& instance) const {
    const ProcessLauncherOptions& options = core_->options.process;
    const auto name = std::make_shared<const std::string>(instance);
    auto stdio = std::make_shared<StdioStream>(
        connection.channel, core_->pulse,
        StdioLimits{options.max_log_line_bytes, options.max_log_bytes_per_second},
        [messenger = core_->messenger, name](std::string line) {
          messenger->Log(LogLevel::kInfo, name, std::move(line));
        });
    stdio->Begin();
    return stdio;
  }

  // Makes the instance of a running process; on a failure leaves the process as it is.
  Status Serve(const LaunchSpec& spec, const StartContext& context,
               const std::shared_ptr<ExitGate>& gate, std::unique_ptr<PluginInstance>& process) {
    Result<Connection> connection =
        Connect(process->info(), core_->identity ? &*core_->identity : nullptr,
                core_->options.max_message_bytes);
    if (!connection.ok()) return connection.status();
    // Before the question, with which it goes out: what the plugin writes meanwhile is read, too.
    const auto stdio = BeginStdio(*connection, spec.instance);
    Status status =
        WaitServing(*connection->channel, *core_->pulse, context.deadline, context.cancel, *gate);
    if (status.ok() && context.cancel.stop_requested()) {
      status = Status(Code::kCancelled, "cancelled", "the start is no longer wanted");
    }
    if (!status.ok()) {
      stdio->Cancel();
      stdio->WaitIdle(After(kIdlePatience));
      return status;
    }
    auto instance = std::make_unique<GoPluginInstance>(core_, std::move(process), gate,
                                                       *std::move(connection), spec, stdio);
    GoPluginInstance* begun = instance.get();
    process = std::move(instance);
    if (begun->Begin(context.on_exit)) return {};
    return Status(Code::kUnavailable, "channel_failed",
                  "it ended behind its first health check: " + gate->EndText());
  }

  const std::shared_ptr<Core> core_;
};

}  // namespace
}  // namespace goplugin

Result<std::shared_ptr<Launcher>> NewGoPluginLauncher(GoPluginLauncherOptions options) {
  if (Status status = goplugin::CheckHealthOptions(options); !status.ok()) return status;
  const auto core = std::make_shared<goplugin::Core>();
  core->options = std::move(options);
  goplugin::LogFunction log = core->options.process.log;
  core->options.process.log = goplugin::WrapLog(log, core->last_words);
  if (core->options.security == GoPluginSecurity::kAutoMtls) {
    Result<goplugin::Identity> identity = goplugin::NewIdentity();
    if (!identity.ok()) return identity.status();
    core->identity = *std::move(identity);
  }
  Result<std::shared_ptr<Launcher>> processes = NewProcessLauncher(core->options.process);
  if (!processes.ok()) return processes.status();
  core->processes = *std::move(processes);
  try {
    core->messenger = std::make_shared<goplugin::Messenger>(core->options.process.log);
    core->pulse = std::make_shared<goplugin::Pulse>();
  } catch (const std::system_error& error) {
    return Status(Code::kResourceExhausted, "threads",
                  std::string("cannot start the launcher's threads: ") + error.what());
  }
  return std::shared_ptr<Launcher>(std::make_shared<goplugin::GoPluginLauncher>(core));
}

}  // namespace plugreload
