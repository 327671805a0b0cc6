// os/spawner.hpp - the one thread whose life children are bound to.
#ifndef PLUGRELOAD_OS_SPAWNER_HPP_
#define PLUGRELOAD_OS_SPAWNER_HPP_

#include <deque>
#include <thread>

#include "base/mutex.hpp"
#include "os/spawn.hpp"

namespace plugreload::internal {

// Spawns every child of a launcher from one thread: a parent-death signal is sent when the thread
// that made the child ends, so that thread must outlive them all.
//
// Thread safety: safe for concurrent use.
class Spawner {
 public:
  Spawner();
  ~Spawner();
  Spawner(const Spawner&) = delete;
  Spawner& operator=(const Spawner&) = delete;

  // Blocks until the child executes its image or failed to.
  SpawnOutcome Run(const SpawnPlan& plan);

 private:
  struct Job {
    const SpawnPlan* plan = nullptr;
    SpawnOutcome outcome;
    bool done = false;
    CondVar ended;  // of its own: a child that runs wakes its caller, not those behind it
  };
  void Loop();

  Mutex mutex_;
  CondVar wanted_;
  std::deque<Job*> jobs_ PLUGRELOAD_GUARDED_BY(mutex_);
  bool ending_ PLUGRELOAD_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_OS_SPAWNER_HPP_
