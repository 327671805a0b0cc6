// os/spawn.hpp - starts a child process that dies with its host.
#ifndef PLUGRELOAD_OS_SPAWN_HPP_
#define PLUGRELOAD_OS_SPAWN_HPP_

#include <sys/types.h>

#include <string>
#include <vector>

#include "os/fd.hpp"

namespace plugreload::internal {

// What to execute and with what. Borrows the descriptors.
struct SpawnPlan {
  int image = -1;    // executed when there is one
  std::string path;  // otherwise this is: scripts, which their interpreter opens by name
  std::vector<std::string> argv;
  std::vector<std::string> env;
  int in = -1;        // becomes 0
  int out = -1;       // becomes 1
  int err = -1;       // becomes 2
  int liveness = -1;  // becomes 3; everything else is closed
};

struct SpawnOutcome {
  pid_t pid = -1;
  Fd pidfd;
  int error = 0;          // errno; then there is no child
  const char* step = "";  // what failed: "clone", "dup", "exec" ...
};

// Starts the child in a process group of its own, with default signals and an empty mask, and
// returns when it executes the image or failed to. The child is killed when the calling *thread*
// ends. REQUIRES: every signal is blocked in the calling thread.
SpawnOutcome Spawn(const SpawnPlan& plan);

// Marks every descriptor of the process from `first` on close-on-exec by looking into
// /proc/self/fd: what close_range does on Linux 5.11. Only system calls, no allocation.
void MarkCloseOnExecByListing(int first);

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_OS_SPAWN_HPP_
