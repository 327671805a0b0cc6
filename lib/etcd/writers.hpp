// etcd/writers.hpp - the marks by which a retried commit is told from a new one.
#ifndef PLUGRELOAD_ETCD_WRITERS_HPP_
#define PLUGRELOAD_ETCD_WRITERS_HPP_

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "etcd/client.hpp"
#include "etcd/leases.hpp"

namespace plugreload::etcd {

// One key of etcd that the commits of one thread at a time write beside what they are about.
//
// An attempt whose answer was lost may have been carried out, may be carried out later, or never.
// So every attempt of a commit compares the revision of the mark with the one that the commit found
// there, and writes the commit's name to the mark. Then at most one attempt is ever carried out,
// and whoever looks at the mark afterwards can tell: it has the name of the commit (it was made),
// or another revision (it was not and will not be), or the old one (open as yet).
//
// The key hangs on a lease, so that nothing is left of a writer that died. An attempt that arrives
// after the lease has ended is refused by etcd, because it would attach the mark to it.
struct Mark {
  std::string key;
  std::int64_t revision = 0;  // of etcd; 0: it is not there yet
  bool taken = false;
};

// The marks of one store. More commits at once than there are marks wait for each other.
//
// Thread safety: safe for concurrent use.
class Writers {
 public:
  static constexpr std::size_t kMarks = 16;

  Writers(std::shared_ptr<Leases> leases, std::string prefix)
      : leases_(std::move(leases)), prefix_(std::move(prefix)) {}

  // The marks of one lease.
  struct Epoch {
    std::shared_ptr<Lease> lease;
    std::array<Mark, kMarks> marks;
  };
  // A mark that is one commit's until its end.
  class Holder {
   public:
    Holder(Writers* writers, std::shared_ptr<Epoch> epoch, Mark* mark)
        : writers_(writers), epoch_(std::move(epoch)), mark_(mark) {}
    Holder(Holder&& other) noexcept
        : writers_(other.writers_), epoch_(std::move(other.epoch_)), mark_(other.mark_) {}
    Holder& operator=(Holder&&) = delete;
    ~Holder();

    Mark& mark() const { return *mark_; }
    Lease& lease() const { return *epoch_->lease; }

   private:
    Writers* const writers_;
    std::shared_ptr<Epoch> epoch_;
    Mark* const mark_;
  };

  // Codes of a commit that was not made.
  Result<Holder> Take(Deadline deadline);
  // Takes the marks out of etcd.
  void Close(Deadline deadline);

 private:
  Status Renew(std::unique_lock<std::mutex>& lock, Deadline deadline);

  const std::shared_ptr<Leases> leases_;
  const std::string prefix_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<Epoch> epoch_;  // guarded by mutex_, as are the marks' `taken`
  bool renewing_ = false;         // guarded by mutex_
};

}  // namespace plugreload::etcd

#endif  // PLUGRELOAD_ETCD_WRITERS_HPP_
