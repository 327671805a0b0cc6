// etcd/stream.hpp - one stream of requests and responses with a member of the cluster.
#ifndef PLUGRELOAD_ETCD_STREAM_HPP_
#define PLUGRELOAD_ETCD_STREAM_HPP_

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_stream.h>

#include <memory>

#include "etcd/client.hpp"

namespace plugreload::etcd {

// Each step waits until its deadline; after one that did not succeed only `Finish` is of use. An
// interrupt ends a running step.
//
// Thread safety: one thread; the interrupt's from any.
class Stream {
 public:
  Stream(const Client::Place& place, const char* method, Interrupt* interrupt, Deadline deadline);
  // Cancels it if it still runs, and waits for that; nothing of it is on the network any more.
  ~Stream();
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  bool Write(const Message& request, Deadline deadline);
  bool Read(Message* response, Deadline deadline);
  // How it ended. Cancels it first if it still runs.
  grpc::Status Finish();

 private:
  bool Wait(Deadline deadline);

  grpc::ClientContext context_;
  const Interrupt::Covers covers_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::ClientAsyncReaderWriter<Message, Message>> call_;
  bool usable_ = false;
  bool finished_ = false;
  grpc::Status status_;
};

}  // namespace plugreload::etcd

#endif  // PLUGRELOAD_ETCD_STREAM_HPP_
