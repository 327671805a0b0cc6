// goplugin/pulse.hpp - the thread that carries what instances wait for: alarms, answers, streams.
#ifndef PLUGRELOAD_GOPLUGIN_PULSE_HPP_
#define PLUGRELOAD_GOPLUGIN_PULSE_HPP_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/support/async_unary_call.h>

#include <functional>
#include <future>
#include <memory>
#include <thread>

namespace plugreload::goplugin {

// One per launcher, shared by its instances: no thread per plugin. gRPC reads from connections on
// this thread too, so a step never blocks and never calls the host.
//
// Thread safety: safe for concurrent use.
class Pulse {
 public:
  Pulse();
  // REQUIRES: no operation is under way on the queue.
  ~Pulse();
  Pulse(const Pulse&) = delete;
  Pulse& operator=(const Pulse&) = delete;

  grpc::CompletionQueue* queue() { return queue_.get(); }
  // The tag of one operation on the queue: `step` runs once, when the operation ends, with whether
  // it ended well.
  static void* Tag(std::function<void(bool)> step);

  // A call whose answer its Finish will tell on the queue.
  template <typename Answer, typename Request>
  std::unique_ptr<grpc::ClientAsyncResponseReader<Answer>> Begin(grpc::Channel& channel,
                                                                 const char* method,
                                                                 grpc::ClientContext& context,
                                                                 const Request& request) {
    using Factory = grpc::internal::ClientAsyncResponseReaderHelper;
    std::unique_ptr<grpc::ClientAsyncResponseReader<Answer>> call(
        Factory::Create<Answer, Request, grpc::protobuf::MessageLite, grpc::protobuf::MessageLite>(
            &channel, queue(),
            grpc::internal::RpcMethod(method, grpc::internal::RpcMethod::NORMAL_RPC), &context,
            request));
    call->StartCall();
    return call;
  }

  // As CallUnary, whose thread would read from connections beside this one, so that each wakes the
  // other. Not from a step.
  template <typename Request, typename Answer>
  grpc::Status Call(grpc::Channel& channel, const char* method, grpc::ClientContext& context,
                    const Request& request, Answer& answer) {
    const auto call = Begin<Answer>(channel, method, context, request);
    grpc::Status status;
    const auto ended = std::make_shared<std::promise<void>>();
    call->Finish(&answer, &status, Tag([ended](bool) { ended->set_value(); }));
    ended->get_future().wait();
    return status;
  }

 private:
  // Connects to nothing. gRPC's own threads live from the first channel to the last: without this
  // one every start of a lone plugin would make them, and its stop end them.
  const std::shared_ptr<grpc::Channel> anchor_;
  const std::shared_ptr<grpc::CompletionQueue> queue_;
  std::thread thread_;
};

}  // namespace plugreload::goplugin

#endif  // PLUGRELOAD_GOPLUGIN_PULSE_HPP_
