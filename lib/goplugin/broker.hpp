// goplugin/broker.hpp - tells a plugin where services of the host listen.
#ifndef PLUGRELOAD_GOPLUGIN_BROKER_HPP_
#define PLUGRELOAD_GOPLUGIN_BROKER_HPP_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/sync_stream.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "goplugin/wire.hpp"
#include "plugreload/status.hpp"

namespace plugreload::goplugin {

// The host's half of plugin.GRPCBroker/StartStream: opened by the first offer, which most plugins
// never need. What a plugin offers the host is not taken.
//
// Thread safety: safe for concurrent use.
class Broker {
 public:
  explicit Broker(std::shared_ptr<grpc::Channel> channel) : channel_(std::move(channel)) {}
  ~Broker() { Close(); }
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  // The number under which the plugin can dial `address` ("unix:/path", "tcp:127.0.0.1:1234").
  // kUnavailable "broker_closed"; kInvalidArgument "invalid_address".
  Result<std::uint32_t> Offer(std::string_view address);
  // Ends the stream; offers fail from then on.
  void Close();

 private:
  using Stream = grpc::ClientReaderWriter<wire::ConnInfo, wire::ConnInfo>;

  const std::shared_ptr<grpc::Channel> channel_;
  std::mutex mutex_;
  grpc::ClientContext context_;
  std::unique_ptr<Stream> stream_;
  std::uint32_t last_ = 0;
  bool closed_ = false;
};

}  // namespace plugreload::goplugin

#endif  // PLUGRELOAD_GOPLUGIN_BROKER_HPP_
