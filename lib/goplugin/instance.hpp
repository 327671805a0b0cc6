// goplugin/instance.hpp - a running plugin with its connection, and how both end.
#ifndef PLUGRELOAD_GOPLUGIN_INSTANCE_HPP_
#define PLUGRELOAD_GOPLUGIN_INSTANCE_HPP_

#include <condition_variable>
#include <memory>
#include <mutex>

#include "goplugin/channel.hpp"
#include "goplugin/core.hpp"
#include "goplugin/exit_gate.hpp"
#include "goplugin/health.hpp"
#include "goplugin/stdio.hpp"

namespace plugreload::goplugin {

// Thread safety: safe for concurrent use.
class GoPluginInstance : public PluginInstance {
 public:
  // `process` was started with an on_exit that tells `gate`. `stdio` has begun; null for an adopted
  // process, whose stream has its one reader already, and which is not asked for its health: it may
  // stand at a breakpoint.
  GoPluginInstance(std::shared_ptr<Core> core, std::unique_ptr<PluginInstance> process,
                   std::shared_ptr<ExitGate> gate, Connection connection, const LaunchSpec& spec,
                   std::shared_ptr<StdioStream> stdio);
  ~GoPluginInstance() override;

  const InstanceInfo& info() const override { return info_; }
  Status Stop(Deadline deadline) override;

  // Serves from here on: an end is told. False: it has ended already.
  bool Begin(ExitGate::OnExit on_exit);

 private:
  void StopServing(Deadline deadline);
  void AskToEnd(Deadline deadline);

  const std::shared_ptr<Core> core_;
  const std::unique_ptr<PluginInstance> process_;
  const std::shared_ptr<ExitGate> gate_;
  const Connection connection_;
  const PluginTimeouts timeouts_;
  const std::shared_ptr<StdioStream> stdio_;
  InstanceInfo info_;
  std::shared_ptr<HealthWatch> health_;  // null for an adopted process

  std::mutex mutex_;
  std::condition_variable asked_;
  enum class Asked { kNot, kGoing, kDone };
  Asked ending_ = Asked::kNot;
};

}  // namespace plugreload::goplugin

#endif  // PLUGRELOAD_GOPLUGIN_INSTANCE_HPP_
