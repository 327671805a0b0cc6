#include "etcd/commit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "etcd/etcd.pb.h"
#include "plugreload/store_limits.hpp"

namespace plugreload::etcd {
namespace {

void CompareRevision(wire::TxnRequest& txn, std::string key, std::int64_t revision) {
  wire::Compare& compare = *txn.add_compare();
  compare.set_target(wire::Compare::MOD);  // of a key that is not there it is 0
  compare.set_key(std::move(key));
  compare.set_mod_revision(revision);
}

// The revisions of what was compared come back when the compare is lost, to say which it was.
void Compare(wire::TxnRequest& txn, const Keys& keys, std::span<const Change> changes) {
  for (const Change& change : changes) {
    if (!change.expected) continue;
    CompareRevision(txn, keys.Document(change.key), ToEtcd(*change.expected));
    wire::RangeRequest& range = *txn.add_failure()->mutable_request_range();
    range.set_key(keys.Document(change.key));
    range.set_keys_only(true);
  }
}

// `first`: of the responses, the one for the first compare.
Status Mismatch(std::span<const Change> changes, const wire::TxnResponse& response, int first) {
  for (const Change& change : changes) {
    if (!change.expected || first >= response.responses_size()) continue;
    const wire::RangeResponse& range = response.responses(first++).response_range();
    const std::int64_t present = range.kvs_size() == 0 ? 0 : range.kvs(0).mod_revision();
    if (present == ToEtcd(*change.expected)) continue;
    return Status(Code::kAborted, "revision_mismatch",
                  fmt::format("nothing was changed: key '{}' has revision {}, expected {}",
                              change.key, present == 0 ? 0 : FromEtcd(present), *change.expected));
  }
  return Status(Code::kAborted, "revision_mismatch",
                "nothing was changed: a key does not have the revision that was expected");
}

// One commit from its first attempt to the certainty what became of it.
class Attempt {
 public:
  Attempt(Client& client, const Keys& keys, std::span<const Change> changes, std::string name,
          Writers::Holder holder, Deadline deadline)
      : attempts_(client, deadline),
        keys_(keys),
        changes_(changes),
        name_(std::move(name)),
        holder_(std::move(holder)),
        mark_(holder_.mark()) {}

  // The revision of etcd; 0: it was made, and changed nothing. kNotFound "lease_not_found": it was
  // not made, because the marks have ended.
  Result<std::int64_t> Run() {
    while (attempts_.Again()) {
      wire::TxnResponse response;
      const Answer answer = attempts_.Once(kTxn, Transaction(), &response);
      if (answer.fate == Fate::kInDoubt) open_ = true;
      if (answer.fate == Fate::kRefused) {
        if (answer.status.reason() == "lease_not_found") holder_.lease().End();
        return NotMade(answer.status);
      }
      if (answer.fate != Fate::kDone) continue;
      if (response.succeeded()) return Made(response);
      if (auto result = Look(response)) return *std::move(result);
    }
    return NotMade(attempts_.GaveUp());
  }

 private:
  wire::TxnRequest Transaction() const {
    wire::TxnRequest txn;
    CompareRevision(txn, mark_.key, mark_.revision);
    txn.add_failure()->mutable_request_range()->set_key(mark_.key);
    Compare(txn, keys_, changes_);
    WriteMark(txn, name_);
    for (const Change& change : changes_) {
      if (change.check_only) continue;
      if (change.value) {
        wire::PutRequest& put = *txn.add_success()->mutable_request_put();
        put.set_key(keys_.Document(change.key));
        put.set_value(*change.value);
      } else {
        txn.add_success()->mutable_request_delete_range()->set_key(keys_.Document(change.key));
      }
    }
    return txn;
  }

  void WriteMark(wire::TxnRequest& txn, const std::string& value) const {
    wire::PutRequest& put = *txn.add_success()->mutable_request_put();
    put.set_key(mark_.key);
    put.set_value(value);
    put.set_lease(holder_.lease().id());
  }

  std::int64_t Made(const wire::TxnResponse& response) const {
    mark_.revision = response.header().revision();
    const bool changed =
        std::any_of(response.responses().begin(), response.responses().end(),
                    [&](const auto& op) { return op.response_delete_range().deleted() > 0; });
    return changed || Writes() ? mark_.revision : 0;
  }

  // Whether it cannot have changed nothing.
  bool Writes() const {
    return std::any_of(changes_.begin(), changes_.end(), [](const Change& change) {
      return !change.check_only && (change.value || change.expected.value_or(0) != 0);
    });
  }

  // After a lost compare; nothing: try again.
  std::optional<Result<std::int64_t>> Look(const wire::TxnResponse& response) {
    const std::int64_t before = mark_.revision;
    if (ReadMark(response) == name_) return Result<std::int64_t>(Writes() ? mark_.revision : 0);
    if (mark_.revision != before) {
      // What somebody removed tells nothing any more.
      if (mark_.revision == 0 && open_) return NotMade(Removed());
      // By an attempt of an earlier commit that never learnt its fate. Those of this one compare
      // what is no longer there.
      open_ = false;
      return std::nullopt;
    }
    const Status mismatch = Mismatch(changes_, response, 1);
    if (!open_) return mismatch;
    return Fence(mismatch);
  }

  // The compares are lost now, but an attempt that is still on its way might find them right once
  // more (a document gone again, say). So the mark is moved on: then it finds that changed.
  Result<std::int64_t> Fence(const Status& mismatch) {
    const std::string name = name_ + " void";
    const std::int64_t before = mark_.revision;
    wire::TxnRequest txn;
    CompareRevision(txn, mark_.key, before);
    WriteMark(txn, name);
    txn.add_failure()->mutable_request_range()->set_key(mark_.key);
    while (attempts_.Again()) {
      wire::TxnResponse response;
      const Answer answer = attempts_.Once(kTxn, txn, &response);
      if (answer.fate == Fate::kRefused) return NotMade(answer.status);
      if (answer.fate != Fate::kDone) continue;
      if (response.succeeded()) {
        mark_.revision = response.header().revision();
        return mismatch;
      }
      if (ReadMark(response) == name_) return Writes() ? mark_.revision : 0;
      if (mark_.revision == 0 && before != 0) return NotMade(Removed());
      return mismatch;  // moved on, by an attempt of this loop or of an earlier commit
    }
    return NotMade(attempts_.GaveUp());
  }

  // What the mark says, whose revision is known from now on.
  std::string ReadMark(const wire::TxnResponse& response) const {
    const wire::RangeResponse& range = response.responses(0).response_range();
    mark_.revision = range.kvs_size() == 0 ? 0 : range.kvs(0).mod_revision();
    return range.kvs_size() == 0 ? std::string() : range.kvs(0).value();
  }

  Status Removed() const {
    return Status(Code::kUnavailable, "store_marks_removed",
                  fmt::format("somebody removed key '{}' of etcd", mark_.key));
  }

  Status NotMade(const Status& why) const {
    if (!open_)
      return why.reason() == "lease_not_found" ? why : why.WithContext("nothing was changed");
    return Status(Code::kUnknown, "outcome_unknown",
                  fmt::format("the commit was sent to etcd and may or may not have been made, now "
                              "or later: {}",
                              why.message()));
  }

  Attempts attempts_;
  const Keys& keys_;
  const std::span<const Change> changes_;
  const std::string name_;
  const Writers::Holder holder_;
  Mark& mark_;
  bool open_ = false;  // an attempt may have been, or may yet be, carried out
};

}  // namespace

Result<Revision> Committer::Commit(std::span<const Change> changes, Deadline deadline) {
  if (Status status = CheckChanges(changes); !status.ok()) return status;
  if (Now() >= deadline) {
    return Status(Code::kDeadlineExceeded, "deadline_exceeded",
                  "nothing was changed: the deadline had passed before the commit");
  }
  if (std::all_of(changes.begin(), changes.end(), [](const auto& c) { return c.check_only; })) {
    return Check(changes, deadline);
  }
  for (;;) {
    auto holder = writers_.Take(deadline);
    if (!holder.ok()) return holder.status();
    Attempt attempt(*client_, *keys_, changes, fmt::format("{}", next_.fetch_add(1)),
                    *std::move(holder), deadline);
    const Result<std::int64_t> revision = attempt.Run();
    if (revision.status().reason() == "lease_not_found") continue;
    if (!revision.ok()) return revision.status();
    if (*revision == 0) return std::max<Revision>(FromEtcd(board_->newest()), 0);
    board_->Committed(changes, *revision);
    return FromEtcd(*revision);
  }
}

Result<Revision> Committer::Check(std::span<const Change> changes, Deadline deadline) {
  wire::TxnRequest txn;
  Compare(txn, *keys_, changes);
  wire::TxnResponse response;
  const Status status = client_->Call(kTxn, txn, &response, deadline);
  if (!status.ok()) return status;
  if (!response.succeeded()) return Mismatch(changes, response, 0);
  return FromEtcd(response.header().revision());
}

}  // namespace plugreload::etcd
