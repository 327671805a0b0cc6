// launch/start.hpp - one start of a child process, step by step.
#ifndef PLUGRELOAD_LAUNCH_START_HPP_
#define PLUGRELOAD_LAUNCH_START_HPP_

#include <memory>
#include <string>

#include "launch/launcher_core.hpp"
#include "launch/process_instance.hpp"
#include "os/image.hpp"
#include "os/spawn.hpp"

namespace plugreload::internal {

// Image, directory, child, handshake, endpoint; each step on the caller's thread, each bounded by
// the deadline and ended by a cancel. On a failure everything before it is undone.
//
// Thread safety: one thread.
class ProcessStart {
 public:
  ProcessStart(std::shared_ptr<LauncherCore> core, const LaunchSpec& spec,
               const StartContext& context)
      : core_(std::move(core)), spec_(spec), context_(context) {}

  Result<std::unique_ptr<PluginInstance>> Run();

 private:
  Status LoadImage();
  Status Execute();
  Result<SpawnOutcome> SpawnImage(SpawnPlan plan);
  Status UsePrivateCopy(SpawnPlan& plan);
  SpawnOutcome SpawnRetrying(const SpawnPlan& plan);
  Status SpawnError(const SpawnOutcome& outcome, const SpawnPlan& plan) const;
  Status Handshake();
  Status NoHandshake(Process::Wake wake) const;
  Status Subject(const Status& status) const;

  const std::shared_ptr<LauncherCore> core_;
  const LaunchSpec& spec_;
  const StartContext& context_;
  std::string command_;
  std::shared_ptr<const Image> image_;
  bool sealed_ = false;
  InstanceDirectory directory_;
  std::unique_ptr<ProcessInstance> instance_;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_LAUNCH_START_HPP_
