// etcd/watcher.hpp - one watch of a prefix, moved from endpoint to endpoint without gap or repeat.
#ifndef PLUGRELOAD_ETCD_WATCHER_HPP_
#define PLUGRELOAD_ETCD_WATCHER_HPP_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "etcd/board.hpp"
#include "etcd/client.hpp"
#include "etcd/keys.hpp"
#include "plugreload/store.hpp"

namespace plugreload::etcd {

namespace wire {
class WatchResponse;
}

// Has a thread of its own, on which the callback runs: etcd holds back what a slow one has not
// taken, and nobody else waits for it.
class Watcher : public StateStore::Watcher {
 public:
  // Throws std::system_error when there is no thread.
  Watcher(std::shared_ptr<Client> client, std::shared_ptr<Board> board,
          std::shared_ptr<const Keys> keys, std::string prefix, Revision after,
          StateStore::WatchCallback callback);
  ~Watcher() override;

 private:
  // How a stream ended; with a status the watch ends too.
  struct Ended {
    std::optional<Status> status;
    bool served = false;  // etcd had accepted it
    bool denied = false;
  };

  void Run();
  Ended Follow();
  Ended Take(const wire::WatchResponse& response);
  void Deliver();
  bool stopped() const { return watched_.interrupt.set(); }

  const std::shared_ptr<Client> client_;
  const std::shared_ptr<Board> board_;
  const std::shared_ptr<const Keys> keys_;
  const StateStore::WatchCallback callback_;
  Watched watched_;
  // The thread's own: the newest revision of etcd that was delivered whole, and the batches of a
  // response that is not whole yet.
  std::int64_t seen_;
  std::vector<WatchBatch> batches_;
  std::thread thread_;
};

}  // namespace plugreload::etcd

#endif  // PLUGRELOAD_ETCD_WATCHER_HPP_
