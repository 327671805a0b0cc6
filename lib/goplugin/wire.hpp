// goplugin/wire.hpp - the services that every go-plugin plugin has, and one call to them.
#ifndef PLUGRELOAD_GOPLUGIN_WIRE_HPP_
#define PLUGRELOAD_GOPLUGIN_WIRE_HPP_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/impl/client_unary_call.h>
#include <grpcpp/impl/codegen/proto_utils.h>

#include <chrono>
#include <wire.pb.h>

#include "plugreload/types.hpp"

namespace plugreload::goplugin {

inline constexpr char kHealthCheck[] = "/grpc.health.v1.Health/Check";
inline constexpr char kHealthService[] = "plugin";
inline constexpr int kServing = 1;
inline constexpr char kShutdown[] = "/plugin.GRPCController/Shutdown";
inline constexpr char kStreamStdio[] = "/plugin.GRPCStdio/StreamStdio";
inline constexpr char kMultiplexing[] =
    "/pluginutil.multiplexing.PluginMultiplexing/MultiplexingSupport";

// gRPC's deadlines are of the system's clock; a jump of it moves one call's deadline, no more.
inline std::chrono::system_clock::time_point SystemDeadline(Deadline deadline) {
  const auto left = deadline - std::chrono::steady_clock::now();
  // Far enough for any call, near enough not to overflow.
  const auto bounded = std::min<std::chrono::nanoseconds>(left, std::chrono::hours(24));
  return std::chrono::system_clock::now() +
         std::chrono::duration_cast<std::chrono::system_clock::duration>(bounded);
}

// Blocks until the answer, the context's deadline, or its TryCancel.
template <typename Request, typename Answer>
grpc::Status CallUnary(grpc::Channel& channel, const char* method, grpc::ClientContext& context,
                       const Request& request, Answer& answer) {
  return grpc::internal::BlockingUnaryCall<Request, Answer, grpc::protobuf::MessageLite,
                                           grpc::protobuf::MessageLite>(
      &channel, grpc::internal::RpcMethod(method, grpc::internal::RpcMethod::NORMAL_RPC), &context,
      request, &answer);
}

}  // namespace plugreload::goplugin

#endif  // PLUGRELOAD_GOPLUGIN_WIRE_HPP_
