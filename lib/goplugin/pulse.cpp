#include "goplugin/pulse.hpp"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <utility>

#include "goplugin/thread.hpp"

namespace plugreload::goplugin {
namespace {

using Step = std::function<void(bool)>;

void Run(grpc::CompletionQueue& queue) {
  void* tag = nullptr;
  bool ok = false;
  while (queue.Next(&tag, &ok)) {
    const std::unique_ptr<Step> step(static_cast<Step*>(tag));
    (*step)(ok);
  }
}

}  // namespace

Pulse::Pulse()
    : anchor_(grpc::CreateChannel("unix:/nobody", grpc::InsecureChannelCredentials())),
      queue_(std::make_shared<grpc::CompletionQueue>()) {
  thread_ = StartThread("plug-pulse", [queue = queue_] { Run(*queue); });
}

Pulse::~Pulse() {
  queue_->Shutdown();
  JoinOrLeave(thread_);
}

void* Pulse::Tag(std::function<void(bool)> step) { return new Step(std::move(step)); }

}  // namespace plugreload::goplugin
