#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "etcd/board.hpp"
#include "etcd/client.hpp"
#include "etcd/commit.hpp"
#include "etcd/etcd.pb.h"
#include "etcd/keys.hpp"
#include "etcd/leases.hpp"
#include "etcd/watcher.hpp"
#include "plugreload/etcd.hpp"
#include "plugreload/store_limits.hpp"

namespace plugreload::etcd {
namespace {

constexpr std::int64_t kPage = 1'000;  // documents per request of a load
constexpr Millis kEndPatience{1'000};

class EtcdKeeper : public StateStore::Keeper {
 public:
  EtcdKeeper(std::shared_ptr<Leases> leases, std::shared_ptr<Lease> lease, Revision revision)
      : leases_(std::move(leases)), lease_(std::move(lease)), revision_(revision) {}
  ~EtcdKeeper() override { leases_->Revoke(lease_, After(kEndPatience)); }

  Revision revision() const override { return lease_->Alive() ? revision_ : 0; }

 private:
  const std::shared_ptr<Leases> leases_;
  const std::shared_ptr<Lease> lease_;
  const Revision revision_;
};

class EtcdStore : public StateStore {
 public:
  explicit EtcdStore(Settings settings)
      : keys_(std::make_shared<const Keys>(settings.prefix)),
        client_(std::make_shared<Client>(std::move(settings))) {}
  ~EtcdStore() override {
    board_->Close(kEndPatience);
    committer_.Close(After(kEndPatience));
  }

  Result<Revision> Commit(std::span<const Change> changes, Deadline deadline) override {
    return committer_.Commit(changes, deadline);
  }

  Result<Snapshot> Load(std::string_view prefix, Deadline deadline) override {
    for (;;) {
      Result<Snapshot> snapshot = LoadOnce(prefix, deadline);
      // Its first pages were compacted away while the others were read.
      if (snapshot.status().reason() == "compacted" && Now() < deadline) continue;
      return snapshot;
    }
  }

  Result<std::unique_ptr<StateStore::Watcher>> Watch(std::string_view prefix, Revision after,
                                                     WatchCallback callback) override {
    if (after < 0 || !callback) {
      return Status(Code::kInvalidArgument, "invalid_watch",
                    "a watch needs a callback and a revision that is not negative");
    }
    try {
      return std::unique_ptr<StateStore::Watcher>(std::make_unique<etcd::Watcher>(
          client_, board_, keys_, std::string(prefix), after, std::move(callback)));
    } catch (const std::system_error& error) {
      return Status(Code::kResourceExhausted, "no_thread",
                    fmt::format("no thread for a watch of the store: {}", error.what()));
    }
  }

  Result<std::unique_ptr<Keeper>> Keep(std::string_view key, std::string_view value, Millis ttl,
                                       Deadline deadline) override {
    const Change creation{std::string(key), std::string(value), 0};
    if (Status status = CheckChanges({&creation, 1}); !status.ok()) return status;
    for (;;) {
      auto lease = leases_->Grant(ttl, deadline);
      if (!lease.ok()) return lease.status().WithContext("nothing was changed");
      const Result<std::int64_t> revision = Create(key, value, **lease, deadline);
      if (revision.ok() && (*lease)->Alive()) {
        (*lease)->StandFor(keys_->Document(key), *revision);
        return std::unique_ptr<Keeper>(
            std::make_unique<EtcdKeeper>(leases_, *lease, FromEtcd(*revision)));
      }
      // An attempt that is still on its way is refused once the lease is gone.
      leases_->Abandon(*lease);
      if (!revision.ok() && revision.status().reason() != "lease_not_found") {
        return revision.status();
      }
    }
  }

 private:
  Result<Snapshot> LoadOnce(std::string_view prefix, Deadline deadline) {
    wire::RangeRequest request;
    request.set_key(keys_->Document(prefix));
    request.set_range_end(EndOf(request.key()));
    request.set_limit(kPage);
    Snapshot snapshot;
    for (;;) {
      wire::RangeResponse response;
      const Status status = client_->Call(kRange, request, &response, deadline);
      if (!status.ok()) return status;
      if (request.revision() == 0) {
        request.set_revision(response.header().revision());
        snapshot.revision = FromEtcd(request.revision());
      }
      for (wire::KeyValue& kv : *response.mutable_kvs()) {
        snapshot.documents.push_back(
            {keys_->NameOf(kv.key()), std::move(*kv.mutable_value()), FromEtcd(kv.mod_revision())});
      }
      if (!response.more()) return snapshot;
      request.set_key(response.kvs().rbegin()->key() + '\0');
    }
  }

  // The revision of etcd. The lease is this call's alone, so a document that hangs on it is the one
  // that an earlier attempt made.
  Result<std::int64_t> Create(std::string_view key, std::string_view value, const Lease& lease,
                              Deadline deadline) {
    wire::TxnRequest txn;
    wire::Compare& absent = *txn.add_compare();
    absent.set_target(wire::Compare::MOD);
    absent.set_key(keys_->Document(key));
    absent.set_mod_revision(0);
    wire::PutRequest& put = *txn.add_success()->mutable_request_put();
    put.set_key(absent.key());
    put.set_value(std::string(value));
    put.set_lease(lease.id());
    txn.add_failure()->mutable_request_range()->set_key(absent.key());
    wire::TxnResponse response;
    const Status status = client_->Call(kTxn, txn, &response, deadline);
    if (!status.ok()) return status;
    std::int64_t revision = response.header().revision();
    if (!response.succeeded()) {
      const wire::RangeResponse& range = response.responses(0).response_range();
      if (range.kvs_size() == 0 || range.kvs(0).lease() != lease.id()) {
        return Status(Code::kAlreadyExists, "key_in_use",
                      fmt::format("nothing was changed: key '{}' exists already", key));
      }
      revision = range.kvs(0).mod_revision();
    }
    const Change creation{std::string(key), std::string(value), 0};
    board_->Committed(std::span(&creation, 1), revision);
    return revision;
  }

  // Shared with watchers and keepers, which may outlive the store.
  const std::shared_ptr<const Keys> keys_;
  const std::shared_ptr<Client> client_;
  const std::shared_ptr<Board> board_ = std::make_shared<Board>();
  const std::shared_ptr<Leases> leases_ = std::make_shared<Leases>(client_);
  Committer committer_{client_, board_, keys_, leases_};
};

}  // namespace
}  // namespace plugreload::etcd

namespace plugreload {

Result<std::shared_ptr<StateStore>> NewEtcdStore(EtcdOptions options) {
  auto settings = etcd::Check(std::move(options));
  if (!settings.ok()) return settings.status();
  return std::shared_ptr<StateStore>(std::make_shared<etcd::EtcdStore>(*std::move(settings)));
}

}  // namespace plugreload
