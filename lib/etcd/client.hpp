// etcd/client.hpp - calls to the members of an etcd cluster, one attempt at a time.
#ifndef PLUGRELOAD_ETCD_CLIENT_HPP_
#define PLUGRELOAD_ETCD_CLIENT_HPP_

#include <grpc/support/time.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "etcd/answer.hpp"
#include "etcd/settings.hpp"
#include "etcd/thread.hpp"

namespace google::protobuf {
class MessageLite;
}

namespace plugreload::etcd {

using Message = google::protobuf::MessageLite;

// Names of etcd's methods.
inline constexpr const char* kRange = "/etcdserverpb.KV/Range";
inline constexpr const char* kTxn = "/etcdserverpb.KV/Txn";
inline constexpr const char* kWatch = "/etcdserverpb.Watch/Watch";
inline constexpr const char* kLeaseGrant = "/etcdserverpb.Lease/LeaseGrant";
inline constexpr const char* kLeaseRevoke = "/etcdserverpb.Lease/LeaseRevoke";
inline constexpr const char* kLeaseKeepAlive = "/etcdserverpb.Lease/LeaseKeepAlive";
inline constexpr const char* kAuthenticate = "/etcdserverpb.Auth/Authenticate";

// Ends what a thread of the store does with etcd, now and in the future.
//
// Thread safety: safe for concurrent use.
class Interrupt {
 public:
  void Set();
  bool set() const { return set_.load(); }
  // Until it is set, or the deadline.
  void Wait(Deadline deadline);

  // While it lives, Set cancels the call of `context`.
  class Covers {
   public:
    Covers(Interrupt* interrupt, grpc::ClientContext* context);
    ~Covers();
    Covers(const Covers&) = delete;
    Covers& operator=(const Covers&) = delete;

   private:
    Interrupt* const interrupt_;
  };

 private:
  std::atomic<bool> set_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  grpc::ClientContext* running_ = nullptr;
};

// The channels to the endpoints, and the token that etcd gave for user and password.
//
// Thread safety: safe for concurrent use.
class Client {
 public:
  explicit Client(Settings settings);

  const Settings& settings() const { return settings_; }
  std::size_t endpoints() const { return channels_.size(); }

  // One attempt at the preferred endpoint: try_timeout for the connection, and again for the
  // answer. When that does not come the next endpoint is preferred.
  Answer Try(const char* method, const Message& request, Message* response, Deadline deadline,
             Interrupt* interrupt = nullptr);

  // Attempts until it is answered or refused, for requests that may be carried out twice.
  // kUnavailable "store_unreachable" at the deadline; kDeadlineExceeded if it had passed before.
  Status Call(const char* method, const Message& request, Message* response, Deadline deadline);

  // Where a request goes to: a channel that is connected, and the token that it must carry.
  struct Place {
    std::size_t endpoint = 0;
    std::shared_ptr<grpc::Channel> channel;
    std::string token;
  };
  // kDone, or as Try.
  Answer Find(Place& place, Deadline deadline, Interrupt* interrupt);
  // The endpoint of `place` did not do: another one is preferred.
  void Avoid(const Place& place);
  // Its token is not accepted: another one is asked for.
  void Distrust(const Place& place);
  const std::string& url(const Place& place) const {
    return settings_.endpoints[place.endpoint].url;
  }

 private:
  Answer Connect(const Place& place, Deadline deadline, Interrupt* interrupt) const;
  std::string WhyRefused(const Place& place) const;
  Answer Authenticate(Place& place, Deadline deadline, Interrupt* interrupt);
  grpc::Status Send(const Place& place, grpc::ClientContext& context, const char* method,
                    const Message& request, Message* response, Deadline deadline,
                    Interrupt* interrupt) const;

  const Settings settings_;
  std::vector<std::shared_ptr<grpc::Channel>> channels_;
  std::atomic<std::size_t> preferred_;
  std::mutex mutex_;
  std::string token_;  // guarded by mutex_
};

// For calls and streams alike.
gpr_timespec ToGrpc(Deadline deadline);
void Describe(const Client::Place& place, grpc::ClientContext& context);

// The attempts of one request: waits between them once every endpoint has failed.
class Attempts {
 public:
  Attempts(Client& client, Deadline deadline) : client_(client), deadline_(deadline) {}

  Answer Once(const char* method, const Message& request, Message* response);
  // Whether to try again: false at the deadline, with `GaveUp` to say so.
  bool Again();
  Status GaveUp() const;

 private:
  Client& client_;
  const Deadline deadline_;
  std::size_t failures_ = 0;
  Millis pause_{10};
  Status last_;
};

}  // namespace plugreload::etcd

#endif  // PLUGRELOAD_ETCD_CLIENT_HPP_
