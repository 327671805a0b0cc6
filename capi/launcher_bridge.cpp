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
  TableInstance(std::shared_ptr<const LauncherBridge> launcher, const LaunchSpec& spec)
      : launcher_(std::move(launcher)), name_(spec.instance), timeouts_(spec.plugin.timeouts) {}

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
    return launcher_->Stop(info_.object, name_, deadline);
  }

 private:
  const std::shared_ptr<const LauncherBridge> launcher_;
  const std::string name_;
  const PluginTimeouts timeouts_;
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
  auto instance = std::make_unique<TableInstance>(shared_from_this(), spec);
  plugreload_launch launch{spec, context.deadline, &context, {}, {}, {}};
  const plugreload_code code = CallHost<plugreload_code>(
      PLUGRELOAD_INTERNAL, [&] { return table_.start(user_data_.get(), &launch); });
  if (Status status = CallbackStatus(code, "start", launch); !status.ok()) return status;
  instance->Started(std::move(launch.info));
  return std::unique_ptr<PluginInstance>(std::move(instance));
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
