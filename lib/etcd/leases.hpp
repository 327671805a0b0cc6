// etcd/leases.hpp - leases of etcd, kept alive by one thread, and what is known about them here.
#ifndef PLUGRELOAD_ETCD_LEASES_HPP_
#define PLUGRELOAD_ETCD_LEASES_HPP_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "etcd/client.hpp"

namespace plugreload::etcd {

// One lease, and the document that hangs on it if there is one.
//
// Thread safety: safe for concurrent use.
class Lease {
 public:
  Lease(std::int64_t id, Millis ttl, Deadline granted) : id_(id), ttl_(ttl) { Prolong(granted); }

  std::int64_t id() const { return id_; }
  Millis ttl() const { return ttl_; }

  // False once it may have ended: by this clock, counted from before etcd was asked. Never true
  // again after that, whatever etcd says: somebody may have acted on it.
  bool Alive() const;
  void End() { until_.store(0); }
  // `asked`: when etcd was asked to keep it, which it has done.
  void Prolong(Deadline asked);
  Deadline renewed() const { return Deadline(Deadline::duration(until_.load())) - ttl_; }

  // That the lease stands for; the lease ends here when the document is not what it was.
  void StandFor(std::string key, std::int64_t revision);
  bool StandsFor(std::string* key, std::int64_t* revision) const;

 private:
  const std::int64_t id_;
  const Millis ttl_;
  mutable std::atomic<Deadline::rep> until_{-1};  // 0: ended
  mutable std::mutex mutex_;
  std::string key_;            // guarded by mutex_
  std::int64_t revision_ = 0;  // of etcd; guarded by mutex_
};

// Thread safety: safe for concurrent use.
class Leases {
 public:
  explicit Leases(std::shared_ptr<Client> client) : client_(std::move(client)) {}
  // Ends the thread within the time of one attempt. Leases that are left run out.
  ~Leases();

  // A new lease, kept alive until Revoke or Abandon. `ttl` is rounded up to seconds.
  Result<std::shared_ptr<Lease>> Grant(Millis ttl, Deadline deadline);
  // Ends it, and removes what hangs on it. Of one that could not be revoked the time runs out.
  void Revoke(const std::shared_ptr<Lease>& lease, Deadline deadline);
  // The same, later, by the thread.
  void Abandon(const std::shared_ptr<Lease>& lease);

 private:
  Status Start();
  void Forget(const std::shared_ptr<Lease>& lease);
  void Run();
  bool Renew(const std::vector<std::shared_ptr<Lease>>& leases);
  void CheckDocument(Lease& lease);

  const std::shared_ptr<Client> client_;
  Interrupt interrupt_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<Lease>> leases_;     // guarded by mutex_
  std::vector<std::shared_ptr<Lease>> abandoned_;  // guarded by mutex_
  bool stopping_ = false;                          // guarded by mutex_
  std::thread thread_;                             // started under mutex_
};

}  // namespace plugreload::etcd

#endif  // PLUGRELOAD_ETCD_LEASES_HPP_
