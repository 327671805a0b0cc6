// launch/run_directory.hpp - private directories of instances, and sweeping those of dead hosts.
#ifndef PLUGRELOAD_LAUNCH_RUN_DIRECTORY_HPP_
#define PLUGRELOAD_LAUNCH_RUN_DIRECTORY_HPP_

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "os/fd.hpp"
#include "os/procfs.hpp"
#include "plugreload/status.hpp"

namespace plugreload::internal {

// <launcher>/<n>, mode 0700: sockets and temporary files of one instance. Beside it, <n>.pid names
// its process for the sweep after a crash of the host. Both go with their owner.
class InstanceDirectory {
 public:
  InstanceDirectory() = default;
  InstanceDirectory(std::string path, std::string world)
      : path_(std::move(path)), world_(std::move(world)) {}
  InstanceDirectory(InstanceDirectory&& other) noexcept
      : path_(std::exchange(other.path_, {})), world_(std::move(other.world_)) {}
  InstanceDirectory& operator=(InstanceDirectory&& other) noexcept {
    std::swap(path_, other.path_);
    std::swap(world_, other.world_);
    return *this;
  }
  ~InstanceDirectory() { Remove(""); }

  const std::string& path() const { return path_; }
  // Best effort: without the note a crash of the host is still noticed by the child itself.
  void NoteProcess(pid_t pid) const;
  // `endpoint`: as the plugin told it, mostly all that is left inside.
  void Remove(std::string_view endpoint);

 private:
  std::string path_;  // empty: none
  std::string world_;
};

// One subdirectory of the run directory, locked as long as this lives. The lock belongs to an open
// file and goes with the process however it ends, so an unlocked subdirectory is one of the dead.
//
// Thread safety: safe for concurrent use.
class RunDirectory {
 public:
  using Warn = std::function<void(std::string message)>;

  // Sweeps, then makes and locks. `configured` empty: the default place. kFailedPrecondition
  // "run_directory".
  static Result<std::unique_ptr<RunDirectory>> Create(const std::string& configured,
                                                      const Warn& warn);
  ~RunDirectory();
  RunDirectory(const RunDirectory&) = delete;
  RunDirectory& operator=(const RunDirectory&) = delete;

  // kResourceExhausted "spawn_failed".
  Result<InstanceDirectory> NewInstance();
  const std::string& path() const { return path_; }

 private:
  RunDirectory(std::string path, Fd lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  const std::string path_;
  const std::string world_ = ThisWorld();
  const Fd lock_;
  std::atomic<std::uint64_t> next_{1};
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_LAUNCH_RUN_DIRECTORY_HPP_
