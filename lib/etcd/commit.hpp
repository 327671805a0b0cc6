// etcd/commit.hpp - one commit as one transaction of etcd, made once however often it is tried.
#ifndef PLUGRELOAD_ETCD_COMMIT_HPP_
#define PLUGRELOAD_ETCD_COMMIT_HPP_

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "etcd/board.hpp"
#include "etcd/client.hpp"
#include "etcd/keys.hpp"
#include "etcd/writers.hpp"
#include "plugreload/store.hpp"

namespace plugreload::etcd {

// Thread safety: safe for concurrent use.
class Committer {
 public:
  Committer(std::shared_ptr<Client> client, std::shared_ptr<Board> board,
            std::shared_ptr<const Keys> keys, std::shared_ptr<Leases> leases)
      : client_(std::move(client)),
        board_(std::move(board)),
        keys_(std::move(keys)),
        writers_(std::move(leases), keys_->writers()) {}

  // As StateStore::Commit.
  Result<Revision> Commit(std::span<const Change> changes, Deadline deadline);
  void Close(Deadline deadline) { writers_.Close(deadline); }

 private:
  Result<Revision> Check(std::span<const Change> changes, Deadline deadline);

  const std::shared_ptr<Client> client_;
  const std::shared_ptr<Board> board_;
  const std::shared_ptr<const Keys> keys_;
  Writers writers_;
  std::atomic<std::uint64_t> next_{0};
};

}  // namespace plugreload::etcd

#endif  // PLUGRELOAD_ETCD_COMMIT_HPP_
