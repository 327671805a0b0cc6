// launch/process_instance.hpp - a child process as an instance, and how it is stopped.
#ifndef PLUGRELOAD_LAUNCH_PROCESS_INSTANCE_HPP_
#define PLUGRELOAD_LAUNCH_PROCESS_INSTANCE_HPP_

#include <memory>

#include "base/mutex.hpp"
#include "launch/launcher_core.hpp"
#include "launch/process.hpp"
#include "launch/run_directory.hpp"
#include "plugreload/launcher.hpp"

namespace plugreload::internal {

// A child with everything that belongs to it. Exists from the spawn on; a start that fails discards
// it.
//
// Thread safety: safe for concurrent use.
class ProcessInstance : public PluginInstance {
 public:
  ProcessInstance(std::shared_ptr<LauncherCore> core, std::shared_ptr<const Image> image,
                  InstanceDirectory directory, std::shared_ptr<Process> process,
                  const PluginTimeouts& timeouts);
  ~ProcessInstance() override;

  const InstanceInfo& info() const override { return info_; }
  // Ends the liveness socket, then SIGTERM, then SIGKILL to the group, each with its timeout. A
  // quarter of the time to the deadline, or the kill timeout if that is shorter, is kept for the
  // last step.
  Status Stop(Deadline deadline) override;

  // For the start only, which is the only one to have it then.
  InstanceInfo& mutable_info() { return info_; }
  Process& process() { return *process_; }
  const InstanceDirectory& directory() const { return directory_; }
  // The last step at once.
  void Kill();

 private:
  Status RemoveRest(Deadline deadline);

  const std::shared_ptr<LauncherCore> core_;
  const std::shared_ptr<const Image> image_;  // in use as long as it runs
  const std::shared_ptr<Process> process_;
  const PluginTimeouts timeouts_;
  InstanceInfo info_;

  InstanceDirectory directory_;
  Mutex rest_mutex_;
  CondVar rest_changed_;
  enum class Rest { kThere, kGoing, kGone };
  Rest rest_ PLUGRELOAD_GUARDED_BY(rest_mutex_) = Rest::kThere;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_LAUNCH_PROCESS_INSTANCE_HPP_
