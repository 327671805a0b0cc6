#include "os/spawner.hpp"

#include <utility>

#include "base/thread.hpp"

namespace plugreload::internal {

Spawner::Spawner() : thread_(StartThread("plug-spawn", [this] { Loop(); })) {}

Spawner::~Spawner() {
  {
    const MutexLock lock(mutex_);
    ending_ = true;
    wanted_.NotifyAll();
  }
  thread_.join();
}

SpawnOutcome Spawner::Run(const SpawnPlan& plan) {
  Job job;
  job.plan = &plan;
  const MutexLock lock(mutex_);
  jobs_.push_back(&job);
  wanted_.NotifyAll();
  while (!job.done) job.ended.Wait(mutex_);
  return std::move(job.outcome);
}

void Spawner::Loop() {
  for (;;) {
    Job* job = nullptr;
    {
      const MutexLock lock(mutex_);
      while (jobs_.empty() && !ending_) wanted_.Wait(mutex_);
      if (jobs_.empty()) return;
      job = jobs_.front();
      jobs_.pop_front();
    }
    SpawnOutcome outcome = Spawn(*job->plan);
    const MutexLock lock(mutex_);
    job->outcome = std::move(outcome);
    job->done = true;  // the job is its caller's and may be gone after the unlock
    job->ended.NotifyAll();
  }
}

}  // namespace plugreload::internal
