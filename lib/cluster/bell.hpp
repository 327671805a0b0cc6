// cluster/bell.hpp - wakes who waits for keys of the store that no image follows.
#ifndef PLUGRELOAD_CLUSTER_BELL_HPP_
#define PLUGRELOAD_CLUSTER_BELL_HPP_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.hpp"
#include "plugreload/store.hpp"
#include "state/applier.hpp"

namespace plugreload::internal {

// One watch of everything below a prefix, from the first use on: etcd serves a watch that begins in
// the past only in a round every 100 ms, too late for one that is made for each wait. It may ring
// for nothing, and where it does not ring the store is to be looked at all the same.
//
// Thread safety: safe for concurrent use.
class Bell {
 public:
  Bell(std::shared_ptr<StateStore> store, std::string_view below, const Applier* applier);
  ~Bell() { Close(); }
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;

  // Watches from now on. Best called before what is waited for can happen.
  void Hang();
  // Nobody waits any more. Idempotent.
  void Close();

  enum class Woken { kByBell, kLate, kClosed };
  // Hears of keys below `prefix` while it lives.
  class Ear {
   public:
    Ear(Bell& bell, std::string prefix);
    ~Ear();
    Ear(const Ear&) = delete;
    Ear& operator=(const Ear&) = delete;

    // What rings from now on ends the next Await. Hangs the bell.
    void Mark();
    // Until it has rung since the Mark, or the deadline.
    Woken Await(Deadline until);

   private:
    friend class Bell;
    Bell& bell_;
    const std::string prefix_;
    bool rung_ = false;  // guarded by Bell::mutex_
  };

 private:
  void Ring(const Result<WatchBatch>& batch);

  const std::shared_ptr<StateStore> store_;
  const std::string below_;
  const Applier* const applier_;
  Mutex hanging_;  // before mutex_
  std::unique_ptr<StateStore::Watcher> watcher_ PLUGRELOAD_GUARDED_BY(hanging_);
  Mutex mutex_;
  CondVar changed_;
  bool hangs_ PLUGRELOAD_GUARDED_BY(mutex_) = false;
  bool closed_ PLUGRELOAD_GUARDED_BY(mutex_) = false;
  std::vector<Ear*> ears_ PLUGRELOAD_GUARDED_BY(mutex_);
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_CLUSTER_BELL_HPP_
