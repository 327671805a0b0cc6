// goplugin/channel.hpp - the connection to one instance.
#ifndef PLUGRELOAD_GOPLUGIN_CHANNEL_HPP_
#define PLUGRELOAD_GOPLUGIN_CHANNEL_HPP_

#include <grpcpp/channel.h>

#include <cstddef>
#include <memory>

#include "goplugin/identity.hpp"
#include "plugreload/goplugin.hpp"

namespace plugreload::goplugin {

// What InstanceInfo::object points to, of an instance of this launcher.
struct Connection {
  std::shared_ptr<grpc::Channel> channel;
  GoPluginEndpoint endpoint;
  bool multiplexing = false;
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
