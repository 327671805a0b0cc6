#include "goplugin/instance.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "goplugin/wire.hpp"

namespace plugreload::goplugin {
namespace {

constexpr Millis kNotifyPatience{5'000};

Deadline Now() { return std::chrono::steady_clock::now(); }

}  // namespace

GoPluginInstance::GoPluginInstance(std::shared_ptr<Core> core,
                                   std::unique_ptr<PluginInstance> process,
                                   std::shared_ptr<ExitGate> gate, Connection connection,
                                   const LaunchSpec& spec, std::shared_ptr<StdioStream> stdio)
    : core_(std::move(core)),
      process_(std::move(process)),
      gate_(std::move(gate)),
      connection_(std::move(connection)),
      timeouts_(spec.plugin.timeouts),
      stdio_(std::move(stdio)),
      info_(process_->info()) {
  // What the functions of goplugin.hpp find; nobody writes through it.
  info_.object = const_cast<Connection*>(&connection_);
  info_.object_kind = &kConnectionKind;
  if (stdio_ == nullptr) return;
  const GoPluginLauncherOptions& options = core_->options;
  health_ = std::make_shared<HealthWatch>(
      connection_.channel, core_->pulse,
      HealthOptions{options.health_interval, options.health_timeout, options.health_failures},
      [messenger = core_->messenger, watched = gate_](std::string detail) {
        messenger->Post([watched, detail = std::move(detail)] { watched->Unhealthy(detail); });
      });
}

GoPluginInstance::~GoPluginInstance() {
  gate_->Disarm(After(kNotifyPatience));
  [[maybe_unused]] const Status status =
      Stop(After(2 * core_->options.shutdown_timeout + timeouts_.graceful + timeouts_.terminate +
                 timeouts_.kill));
}

bool GoPluginInstance::Begin(ExitGate::OnExit on_exit) {
  if (!gate_->Arm(std::move(on_exit))) return false;
  if (health_ != nullptr) health_->Begin();
  return true;
}

Status GoPluginInstance::Stop(Deadline deadline) {
  gate_->Disarm(Now());
  StopServing(deadline);
  Status status = process_->Stop(deadline);
  const Deadline idle = After(kIdlePatience);
  if (stdio_ != nullptr) stdio_->WaitIdle(idle);
  if (health_ != nullptr) health_->WaitIdle(idle);
  return status;
}

// The first caller asks; the others wait for that one, or for their deadline.
void GoPluginInstance::StopServing(Deadline deadline) {
  {
    std::unique_lock lock(mutex_);
    if (ending_ == Asked::kGoing) {
      asked_.wait_until(lock, deadline, [this] { return ending_ == Asked::kDone; });
    }
    if (ending_ != Asked::kNot) return;
    ending_ = Asked::kGoing;
  }
  if (health_ != nullptr) health_->Cancel();
  connection_.broker->Close();
  // An adopted process is not asked to end.
  if (stdio_ != nullptr) {
    if (!gate_->ended()) AskToEnd(deadline);
    // Only now: what a plugin writes while it ends is read, or it might stand still.
    stdio_->Cancel();
  }
  const std::lock_guard lock(mutex_);
  ending_ = Asked::kDone;
  asked_.notify_all();
}

// A plugin ends in the middle of its answer, so a lost one is as good as any. One without a
// controller is left to the signals; so is one that says nothing.
void GoPluginInstance::AskToEnd(Deadline deadline) {
  const Deadline now = Now();
  const auto half = std::max((deadline - now) / 2, Deadline::duration::zero());
  const Deadline last = now + std::min<Deadline::duration>(half, core_->options.shutdown_timeout);
  grpc::ClientContext context;
  context.set_deadline(SystemDeadline(last));
  wire::Empty answer;
  grpc::Status status;
  {
    // Gone with the call: what is over would be cancelled with some effort.
    const std::stop_callback ended(gate_->end_token(), [&context] { context.TryCancel(); });
    status = core_->pulse->Call(*connection_.channel, kShutdown, context, wire::Empty(), answer);
  }
  if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) return;
  gate_->WaitEnded(last);
}

}  // namespace plugreload::goplugin
