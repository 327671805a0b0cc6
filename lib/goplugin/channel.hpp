// goplugin/channel.hpp - the connection to one instance.
#ifndef PLUGRELOAD_GOPLUGIN_CHANNEL_HPP_
#define PLUGRELOAD_GOPLUGIN_CHANNEL_HPP_

#include <grpcpp/channel.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

#include "goplugin/broker.hpp"
#include "goplugin/identity.hpp"
#include "plugreload/goplugin.hpp"

namespace plugreload::goplugin {

// Does the plugin multiplex? Asked when somebody wants to know, which most hosts never do.
//
// Thread safety: safe for concurrent use.
class Multiplexing {
 public:
  explicit Multiplexing(std::shared_ptr<grpc::Channel> channel) : channel_(std::move(channel)) {}
  // kUnavailable "no_answer": it is not known yet.
  Result<bool> supported();

 private:
  const std::shared_ptr<grpc::Channel> channel_;
  enum class Known { kNothing, kNo, kYes };
  std::atomic<Known> known_ = Known::kNothing;
};

// What InstanceInfo::object points to, of an instance of this launcher.
struct Connection {
  std::shared_ptr<grpc::Channel> channel;
  GoPluginEndpoint endpoint;
  std::shared_ptr<Multiplexing> multiplexing;
  std::shared_ptr<Broker> broker;
};
// What such an InstanceInfo::object_kind is.
extern const char kConnectionKind;

// Null: another launcher's.
const Connection* FindConnection(const InstanceInfo& info);

// Makes the channel; it connects with its first call. `identity`: the host's, null without TLS.
// Errors by reason: "certificate_missing", "certificate_unexpected", "certificate_invalid".
Result<Connection> Connect(const InstanceInfo& info, const Identity* identity,
                           std::size_t max_message_bytes);

}  // namespace plugreload::goplugin

#endif  // PLUGRELOAD_GOPLUGIN_CHANNEL_HPP_
