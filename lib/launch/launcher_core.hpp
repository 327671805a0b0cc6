// launch/launcher_core.hpp - what the instances of one process launcher share.
#ifndef PLUGRELOAD_LAUNCH_LAUNCHER_CORE_HPP_
#define PLUGRELOAD_LAUNCH_LAUNCHER_CORE_HPP_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.hpp"
#include "launch/courier.hpp"
#include "launch/run_directory.hpp"
#include "os/image_cache.hpp"
#include "os/poller.hpp"
#include "os/spawner.hpp"
#include "plugreload/launcher.hpp"

namespace plugreload::internal {

// Owned by the launcher and by each of its instances, so that the threads outlive every child.
//
// Thread safety: safe for concurrent use.
class LauncherCore {
 public:
  static Result<std::shared_ptr<LauncherCore>> Create(ProcessLauncherOptions options);
  // Waits for children that are not reaped yet, a while.
  ~LauncherCore();
  LauncherCore(const LauncherCore&) = delete;
  LauncherCore& operator=(const LauncherCore&) = delete;

  const ProcessLauncherOptions& options() const { return options_; }
  // The environment that every child begins with.
  const std::vector<std::string>& base_env() const { return base_env_; }
  RunDirectory& run() { return *run_; }
  Courier& courier() { return courier_; }
  ImageCache& images() { return images_; }
  Spawner& spawner() { return spawner_; }
  Poller& poller() { return *poller_; }

  void CountChild();
  void ForgetChild();

 private:
  explicit LauncherCore(ProcessLauncherOptions options);

  const ProcessLauncherOptions options_;
  std::vector<std::string> base_env_;
  Courier courier_;  // before the poller, which uses it to its end
  std::unique_ptr<RunDirectory> run_;
  ImageCache images_;
  Mutex mutex_;
  CondVar none_left_;
  std::size_t children_ PLUGRELOAD_GUARDED_BY(mutex_) = 0;
  Spawner spawner_;
  std::unique_ptr<Poller> poller_;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_LAUNCH_LAUNCHER_CORE_HPP_
