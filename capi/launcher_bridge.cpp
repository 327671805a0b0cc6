// plugreload_launcher_ops as Launcher, and its objects as instances.
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "guard.hpp"
#include "host_bridge.hpp"

namespace plugreload::capi {
namespace {

class TableInstance : public PluginInstance {
 public:
  TableInstance(std::shared_ptr<const LauncherBridge> launcher, const LaunchSpec& spec,
                std::shared_ptr<ExitGate> gate)
      : launcher_(std::move(launcher)),
        name_(spec.instance),
        timeouts_(spec.plugin.timeouts),
        gate_(std::move(gate)) {}

  ~TableInstance() override {
    (void)Stop(After(timeouts_.graceful + timeouts_.terminate + timeouts_.kill));
  }

  // From here on there is something to stop.
  void Started(InstanceInfo info) {
    info_ = std::move(info);
    stopped_ = false;
  }

  const InstanceInfo& info() const override { return info_; }

  Status Stop(Deadline deadline) override {
    if (stopped_.exchange(true)) return {};
    gate_->Close();
    return launcher_->Stop(info_.object, name_, deadline);
  }

 private:
  const std::shared_ptr<const LauncherBridge> launcher_;
  const std::string name_;
  const PluginTimeouts timeouts_;
  const std::shared_ptr<ExitGate> gate_;
  InstanceInfo info_;
  std::atomic<bool> stopped_{true};
};

std::int64_t Remaining(Deadline deadline) {
  const auto left = std::chrono::ceil<Millis>(deadline - std::chrono::steady_clock::now()).count();
  return left < 0 ? 0 : left;
}

}  // namespace

Result<std::unique_ptr<PluginInstance>> LauncherBridge::Start(const LaunchSpec& spec,
                                                              const StartContext& context) {
  // Made first: once the host has started something, nothing may fail any more.
  auto gate = std::make_shared<ExitGate>(context.on_exit);
  auto instance = std::make_unique<TableInstance>(shared_from_this(), spec, gate);
  plugreload_launch launch{spec, context.deadline, &context, gate};
  const plugreload_code code = CallHost<plugreload_code>(
      PLUGRELOAD_INTERNAL, [&] { return table_.start(user_data_.get(), &launch); });
  if (Status status = CallbackStatus(code, "start", launch); !status.ok()) return status;
  instance->Started(std::move(launch.info));
  if (const auto exit = gate->Open()) {
    return Status(Code::kUnavailable, "exited", "it ended while it started: " + exit->detail);
  }
  return std::unique_ptr<PluginInstance>(std::move(instance));
}

Result<PluginFacts> LauncherBridge::Inspect(const LaunchSpec& spec, const StartContext& context) {
  if (table_.inspect == nullptr) return Launcher::Inspect(spec, context);
  PluginFacts facts;
  plugreload_launch launch{spec, context.deadline, &context, nullptr, &facts};
  const plugreload_code code = CallHost<plugreload_code>(
      PLUGRELOAD_INTERNAL, [&] { return table_.inspect(user_data_.get(), &launch); });
  if (Status status = CallbackStatus(code, "inspect", launch); !status.ok()) return status;
  return facts;
}

Status LauncherBridge::Stop(void* object, std::string_view instance, Deadline deadline) const {
  if (table_.stop == nullptr) return {};
  const plugreload_code code = CallHost<plugreload_code>(PLUGRELOAD_INTERNAL, [&] {
    return table_.stop(user_data_.get(), object, Remaining(deadline));
  });
  if (code == PLUGRELOAD_OK) return {};
  const std::string_view name = CodeName(static_cast<Code>(code));
  return Status(name == "CODE_UNKNOWN" ? Code::kInternal : static_cast<Code>(code), "stop_failed",
                "the host's stop of instance " + std::string(instance) + " answered " +
                    std::string(name) + "; what it left is the host's to find");
}

}  // namespace plugreload::capi
