#include "goplugin/channel.hpp"
#include "plugreload/goplugin.hpp"

namespace plugreload {

std::shared_ptr<grpc::Channel> ChannelOf(const InstanceInfo& info) {
  const goplugin::Connection* connection = goplugin::FindConnection(info);
  return connection == nullptr ? nullptr : connection->channel;
}

std::shared_ptr<grpc::Channel> ChannelOf(const PluginLease& lease) {
  return ChannelOf(lease.instance());
}

std::optional<GoPluginEndpoint> GoPluginEndpointOf(const InstanceInfo& info) {
  const goplugin::Connection* connection = goplugin::FindConnection(info);
  if (connection == nullptr) return std::nullopt;
  return connection->endpoint;
}

Result<bool> SupportsMultiplexing(const InstanceInfo& info) {
  const goplugin::Connection* connection = goplugin::FindConnection(info);
  if (connection == nullptr) return false;
  return connection->multiplexing->supported();
}

Result<std::uint32_t> OfferService(const InstanceInfo& info, std::string_view address) {
  const goplugin::Connection* connection = goplugin::FindConnection(info);
  if (connection == nullptr) {
    return Status(Code::kFailedPrecondition, "no_broker",
                  "the instance was not started by a launcher for go-plugin");
  }
  return connection->broker->Offer(address);
}

std::string MultiplexId(const PluginLease& lease) {
  return lease.mount().accessor + "." + std::to_string(lease.generation());
}

}  // namespace plugreload
