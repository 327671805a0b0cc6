#include "etcd/leases.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "etcd/etcd.pb.h"
#include "etcd/stream.hpp"

namespace plugreload::etcd {

bool Lease::Alive() const {
  for (Deadline::rep until = until_.load(); until != 0;) {
    if (Now() < Deadline(Deadline::duration(until))) return true;
    if (until_.compare_exchange_weak(until, 0)) return false;
  }
  return false;
}

void Lease::Prolong(Deadline asked) {
  const Deadline::rep later = (asked + ttl_).time_since_epoch().count();
  for (Deadline::rep until = until_.load(); until != 0 && until < later;) {
    if (until_.compare_exchange_weak(until, later)) return;
  }
}

void Lease::StandFor(std::string key, std::int64_t revision) {
  const std::lock_guard lock(mutex_);
  key_ = std::move(key);
  revision_ = revision;
}

bool Lease::StandsFor(std::string* key, std::int64_t* revision) const {
  const std::lock_guard lock(mutex_);
  *key = key_;
  *revision = revision_;
  return revision_ != 0;
}

Leases::~Leases() {
  interrupt_.Set();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

Status Leases::Start() {
  const std::lock_guard lock(mutex_);
  if (thread_.joinable()) return {};
  try {
    thread_ = StartThread("pr-etcd-leases", [this] { Run(); });
  } catch (const std::system_error& error) {
    return Status(Code::kResourceExhausted, "no_thread",
                  fmt::format("no thread to keep leases of etcd alive: {}", error.what()));
  }
  return {};
}

Result<std::shared_ptr<Lease>> Leases::Grant(Millis ttl, Deadline deadline) {
  if (Status status = Start(); !status.ok()) return status;
  // An id of our own choice, so that asking twice makes one lease.
  wire::LeaseGrantRequest request;
  request.set_id(static_cast<std::int64_t>(Random() >> 1 | 1));
  request.set_ttl(std::max<std::int64_t>(std::chrono::ceil<std::chrono::seconds>(ttl).count(), 1));
  wire::LeaseGrantResponse response;
  const Deadline asked = Now();
  Status status = client_->Call(kLeaseGrant, request, &response, deadline);
  // "lease already exists": by an earlier attempt, whose answer was lost.
  if (!status.ok() && status.code() != Code::kFailedPrecondition) {
    return status.WithContext("asking for a lease");
  }
  // etcd lengthens a short one; an answer that was lost leaves what was asked for.
  const auto granted = std::max(response.ttl(), request.ttl());
  auto lease = std::make_shared<Lease>(request.id(), std::chrono::seconds(granted), asked);
  const std::lock_guard lock(mutex_);
  leases_.push_back(lease);
  changed_.notify_all();
  return lease;
}

void Leases::Forget(const std::shared_ptr<Lease>& lease) {
  lease->End();
  std::erase(leases_, lease);
}

void Leases::Revoke(const std::shared_ptr<Lease>& lease, Deadline deadline) {
  {
    const std::lock_guard lock(mutex_);
    Forget(lease);
  }
  wire::LeaseRevokeRequest request;
  request.set_id(lease->id());
  wire::LeaseRevokeResponse response;
  (void)client_->Call(kLeaseRevoke, request, &response, deadline);
}

void Leases::Abandon(const std::shared_ptr<Lease>& lease) {
  const std::lock_guard lock(mutex_);
  Forget(lease);
  abandoned_.push_back(lease);
  changed_.notify_all();
}

// The leases' thread. A lease is renewed when a third of its time is over; if that does not succeed
// there are two thirds left to try elsewhere.
void Leases::Run() {
  Deadline resume = Now();
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    std::erase_if(leases_, [](const auto& lease) { return !lease->Alive(); });
    std::vector<std::shared_ptr<Lease>> due;
    Deadline next = Deadline::max();
    for (const auto& lease : leases_) {
      const Deadline renewal = std::max(lease->renewed() + lease->ttl() / 3, resume);
      if (renewal <= Now()) {
        due.push_back(lease);
      } else {
        next = std::min(next, renewal);
      }
    }
    const auto abandoned = std::exchange(abandoned_, {});
    if (due.empty() && abandoned.empty()) {
      if (next == Deadline::max()) {
        changed_.wait(lock);
      } else {
        changed_.wait_until(lock, next);
      }
      continue;
    }
    lock.unlock();
    if (!due.empty() && !Renew(due)) resume = Now() + Millis(50) + Jitter(Millis(100));
    for (const auto& lease : abandoned) {
      wire::LeaseRevokeRequest request;
      request.set_id(lease->id());
      wire::LeaseRevokeResponse response;
      (void)client_->Try(kLeaseRevoke, request, &response, Deadline::max(), &interrupt_);
    }
    lock.lock();
  }
}

// Keeping alive is a stream of etcd's; one round of it needs no more than one attempt's
// time.
bool Leases::Renew(const std::vector<std::shared_ptr<Lease>>& leases) {
  Client::Place place;
  if (client_->Find(place, Deadline::max(), &interrupt_).fate != Fate::kDone) return false;
  const Deadline asked = Now();
  const Deadline until = After(client_->settings().try_timeout);
  {
    Stream stream(place, kLeaseKeepAlive, &interrupt_, until);
    for (const auto& lease : leases) {
      wire::LeaseKeepAliveRequest request;
      request.set_id(lease->id());
      wire::LeaseKeepAliveResponse response;
      if (!stream.Write(request, until) || !stream.Read(&response, until)) {
        if (WantsNewToken(stream.Finish())) client_->Distrust(place);
        client_->Avoid(place);
        return false;
      }
      response.ttl() > 0 ? lease->Prolong(asked) : lease->End();
    }
  }
  for (const auto& lease : leases) CheckDocument(*lease);
  return true;
}

// A lease goes on when somebody removed or replaced its document; what it stands for does not.
void Leases::CheckDocument(Lease& lease) {
  std::int64_t revision = 0;
  wire::RangeRequest request;
  if (!lease.StandsFor(request.mutable_key(), &revision)) return;
  request.set_keys_only(true);
  wire::RangeResponse response;
  const Answer answer = client_->Try(kRange, request, &response, Deadline::max(), &interrupt_);
  if (answer.fate != Fate::kDone) return;
  if (response.kvs_size() == 0 || response.kvs(0).mod_revision() != revision) lease.End();
}

}  // namespace plugreload::etcd
