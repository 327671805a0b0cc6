#include "etcd/stream.hpp"

#include <google/protobuf/message_lite.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>

namespace plugreload::etcd {

Stream::Stream(const Client::Place& place, const char* method, Interrupt* interrupt,
               Deadline deadline)
    : covers_(interrupt, &context_) {
  Describe(place, context_);
  grpc::TemplatedGenericStub<Message, Message> stub(place.channel);
  call_ = stub.PrepareCall(&context_, method, &queue_);
  call_->StartCall(nullptr);
  usable_ = Wait(deadline);
}

Stream::~Stream() {
  (void)Finish();
  queue_.Shutdown();
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) {
  }
}

bool Stream::Write(const Message& request, Deadline deadline) {
  if (!usable_) return false;
  call_->Write(request, nullptr);
  return usable_ = Wait(deadline);
}

bool Stream::Read(Message* response, Deadline deadline) {
  if (!usable_) return false;
  call_->Read(response, nullptr);
  return usable_ = Wait(deadline);
}

grpc::Status Stream::Finish() {
  if (finished_) return status_;
  finished_ = true;
  // Of one that has failed this changes nothing: the status is there already.
  if (usable_) context_.TryCancel();
  usable_ = false;
  call_->Finish(&status_, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue_.Next(&tag, &ok);
  return status_;
}

bool Stream::Wait(Deadline deadline) {
  void* tag = nullptr;
  bool ok = false;
  const auto next = queue_.AsyncNext(&tag, &ok, ToGrpc(deadline));
  if (next == grpc::CompletionQueue::GOT_EVENT) return ok;
  // The step still refers to what it was given: it must end before this returns.
  context_.TryCancel();
  queue_.Next(&tag, &ok);
  return false;
}

}  // namespace plugreload::etcd
