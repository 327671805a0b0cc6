#include "goplugin/broker.hpp"

#include <utility>

namespace plugreload::goplugin {
namespace {

constexpr char kStartStream[] = "/plugin.GRPCBroker/StartStream";

Status BrokerClosed() {
  return Status(Code::kUnavailable, "broker_closed",
                "the plugin takes no offer of a service: it has ended, or has no broker");
}

}  // namespace

Result<std::uint32_t> Broker::Offer(std::string_view address) {
  const std::size_t colon = address.find(':');
  const std::string_view network = address.substr(0, colon);
  if (colon == std::string_view::npos || (network != "unix" && network != "tcp")) {
    return Status(Code::kInvalidArgument, "invalid_address",
                  "\"" + std::string(address) + "\" is neither unix:/path nor tcp:host:port");
  }
  const std::lock_guard lock(mutex_);
  if (closed_) return BrokerClosed();
  if (stream_ == nullptr) {
    stream_.reset(grpc::internal::ClientReaderWriterFactory<wire::ConnInfo, wire::ConnInfo>::Create(
        channel_.get(),
        grpc::internal::RpcMethod(kStartStream, grpc::internal::RpcMethod::BIDI_STREAMING),
        &context_));
  }
  wire::ConnInfo offer;
  offer.set_service_id(++last_);
  offer.set_network(std::string(network));
  offer.set_address(std::string(address.substr(colon + 1)));
  // Handed to the connection, which is all a plugin waits for.
  if (!stream_->Write(offer)) return BrokerClosed();
  return last_;
}

void Broker::Close() {
  context_.TryCancel();  // first: it frees a write that waits
  const std::lock_guard lock(mutex_);
  closed_ = true;
  if (stream_ == nullptr) return;
  [[maybe_unused]] const grpc::Status status = stream_->Finish();
  stream_.reset();
}

}  // namespace plugreload::goplugin
