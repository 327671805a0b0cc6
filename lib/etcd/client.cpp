#include "etcd/client.hpp"

#include <fmt/format.h>
#include <google/protobuf/message_lite.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/impl/codegen/proto_utils.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "etcd/etcd.pb.h"

namespace plugreload::etcd {
namespace {

constexpr Millis kRefused{100};
constexpr Millis kLogin{5'000};  // etcd makes a password expensive to check

using Stub = grpc::TemplatedGenericStub<Message, Message>;

// A dead connection is found within nine seconds, used or not; nothing comes from the environment.
// etcd ends connections that ping more often than every five seconds, as those that ping exactly so
// may seem to (its --grpc-keepalive-min-time).
grpc::ChannelArguments Arguments(const Settings& settings) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 6'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 3'000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  // It is also how long a connection may take to be made.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1'000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1'000);
  arguments.SetMaxReceiveMessageSize(-1);
  if (!settings.server_name.empty()) arguments.SetSslTargetNameOverride(settings.server_name);
  return arguments;
}

std::shared_ptr<grpc::ChannelCredentials> Credentials(const Settings& settings, bool tls) {
  if (!tls) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = settings.ca;
  options.pem_cert_chain = settings.certificate;
  options.pem_private_key = settings.key;
  return grpc::SslCredentials(options);
}

}  // namespace

gpr_timespec ToGrpc(Deadline deadline) {
  const auto left = std::max(deadline - Now(), Deadline::duration(0));
  return gpr_time_add(
      gpr_now(GPR_CLOCK_MONOTONIC),
      gpr_time_from_micros(std::chrono::duration_cast<std::chrono::microseconds>(left).count(),
                           GPR_TIMESPAN));
}

void Describe(const Client::Place& place, grpc::ClientContext& context) {
  // etcd answers at once that it has no leader, and ends streams that lost theirs, instead of
  // letting everybody wait.
  context.AddMetadata("hasleader", "true");
  if (!place.token.empty()) context.AddMetadata("token", place.token);
}

void Interrupt::Set() {
  const std::lock_guard lock(mutex_);
  set_.store(true);
  changed_.notify_all();
  if (running_ != nullptr) running_->TryCancel();
}

void Interrupt::Wait(Deadline deadline) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, deadline, [this] { return set(); });
}

Interrupt::Covers::Covers(Interrupt* interrupt, grpc::ClientContext* context)
    : interrupt_(interrupt) {
  if (interrupt_ == nullptr) return;
  const std::lock_guard lock(interrupt_->mutex_);
  interrupt_->running_ = context;
  if (interrupt_->set()) context->TryCancel();
}

Interrupt::Covers::~Covers() {
  if (interrupt_ == nullptr) return;
  const std::lock_guard lock(interrupt_->mutex_);
  interrupt_->running_ = nullptr;
}

Client::Client(Settings settings)
    : settings_(std::move(settings)),
      preferred_(static_cast<std::size_t>(Random() % settings_.endpoints.size())) {
  // gRPC starts its threads with the first channel of the process.
  const SignalsBlocked blocked;
  for (const Endpoint& endpoint : settings_.endpoints) {
    channels_.push_back(grpc::CreateCustomChannel(
        endpoint.target, Credentials(settings_, endpoint.tls), Arguments(settings_)));
  }
}

void Client::Avoid(const Place& place) {
  std::size_t expected = place.endpoint;
  preferred_.compare_exchange_strong(expected, (place.endpoint + 1) % channels_.size());
}

void Client::Distrust(const Place& place) {
  const std::lock_guard lock(mutex_);
  if (token_ == place.token) token_.clear();
}

// A request that is only sent on a connection that stands cannot be in doubt before.
Answer Client::Connect(const Place& place, Deadline deadline, Interrupt* interrupt) const {
  // gRPC only works on a connection while somebody waits for it, so a refused one is given a little
  // time even if there are others.
  const Deadline refused = channels_.size() == 1 ? deadline : std::min(deadline, Now() + kRefused);
  for (;;) {
    const grpc_connectivity_state state = place.channel->GetState(true);
    if (state == GRPC_CHANNEL_READY) return {Fate::kDone, {}};
    const Deadline end = state == GRPC_CHANNEL_TRANSIENT_FAILURE ? refused : deadline;
    if (Now() >= end || (interrupt != nullptr && interrupt->set())) break;
    // In short turns, because an interrupt does not end this wait.
    (void)place.channel->WaitForStateChange(state, ToGrpc(std::min(end, Now() + Millis(50))));
  }
  const bool failed = place.channel->GetState(false) == GRPC_CHANNEL_TRANSIENT_FAILURE;
  return {Fate::kNotSent,
          Status(Code::kUnavailable, "store_unreachable",
                 fmt::format("etcd at {}: no connection{}", url(place),
                             failed ? ": " + WhyRefused(place) : ", nor a refusal in time"))};
}

// gRPC tells only requests: one that is harmless, should the connection stand meanwhile.
std::string Client::WhyRefused(const Place& place) const {
  wire::RangeRequest request;
  request.set_key(settings_.prefix);
  request.set_keys_only(true);
  wire::RangeResponse response;
  grpc::ClientContext context;
  return Send(place, context, kRange, request, &response, After(kRefused), nullptr).error_message();
}

grpc::Status Client::Send(const Place& place, grpc::ClientContext& context, const char* method,
                          const Message& request, Message* response, Deadline deadline,
                          Interrupt* interrupt) const {
  context.set_deadline(ToGrpc(deadline));
  Describe(place, context);
  const Interrupt::Covers covers(interrupt, &context);
  grpc::CompletionQueue queue;
  grpc::Status status;
  const auto call = Stub(place.channel).PrepareUnaryCall(&context, method, request, &queue);
  call->StartCall();
  call->Finish(response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  queue.Next(&tag, &ok);  // ends with the deadline of the context
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  return status;
}

Answer Client::Authenticate(Place& place, Deadline deadline, Interrupt* interrupt) {
  if (settings_.user.empty()) return {Fate::kDone, {}};
  {
    const std::lock_guard lock(mutex_);
    place.token = token_;
  }
  if (!place.token.empty()) return {Fate::kDone, {}};
  wire::AuthenticateRequest request;
  request.set_name(settings_.user);
  request.set_password(settings_.password);
  wire::AuthenticateResponse response;
  grpc::ClientContext context;
  const grpc::Status status =
      Send(place, context, kAuthenticate, request, &response, deadline, interrupt);
  // Before an administrator turns authentication on, etcd takes everybody.
  if (status.error_message().find("authentication is not enabled") != std::string::npos) {
    return {Fate::kDone, {}};
  }
  Answer answer = Understand(status, url(place));
  if (answer.fate == Fate::kInDoubt) answer.fate = Fate::kNotSent;
  if (answer.fate != Fate::kDone) return answer;
  place.token = response.token();
  const std::lock_guard lock(mutex_);
  token_ = place.token;
  return answer;
}

Answer Client::Find(Place& place, Deadline deadline, Interrupt* interrupt) {
  place.endpoint = preferred_.load();
  place.channel = channels_[place.endpoint];
  Answer answer = Connect(place, std::min(deadline, After(settings_.try_timeout)), interrupt);
  if (answer.fate == Fate::kDone) {
    answer = Authenticate(place, std::min(deadline, After(kLogin)), interrupt);
  }
  if (answer.fate == Fate::kNotSent) Avoid(place);
  return answer;
}

Answer Client::Try(const char* method, const Message& request, Message* response, Deadline deadline,
                   Interrupt* interrupt) {
  for (bool renewed = false;;) {
    Place place;
    Answer answer = Find(place, deadline, interrupt);
    if (answer.fate != Fate::kDone) return answer;
    const Deadline until = std::min(deadline, After(settings_.try_timeout));
    grpc::ClientContext context;
    const grpc::Status status = Send(place, context, method, request, response, until, interrupt);
    if (WantsNewToken(status) && !settings_.user.empty() && !std::exchange(renewed, true)) {
      Distrust(place);
      continue;
    }
    answer = Understand(status, url(place));
    if (answer.fate == Fate::kNotSent || answer.fate == Fate::kInDoubt) Avoid(place);
    return answer;
  }
}

Status Client::Call(const char* method, const Message& request, Message* response,
                    Deadline deadline) {
  Attempts attempts(*this, deadline);
  while (attempts.Again()) {
    const Answer answer = attempts.Once(method, request, response);
    if (answer.fate == Fate::kDone || answer.fate == Fate::kRefused) return answer.status;
  }
  return attempts.GaveUp();
}

Answer Attempts::Once(const char* method, const Message& request, Message* response) {
  Answer answer = client_.Try(method, request, response, deadline_);
  if (answer.fate == Fate::kNotSent || answer.fate == Fate::kInDoubt) {
    ++failures_;
    last_ = answer.status;
  }
  return answer;
}

bool Attempts::Again() {
  if (failures_ > 0 && failures_ % client_.endpoints() == 0) {
    const Deadline resume = Now() + pause_ + Jitter(pause_);
    if (resume >= deadline_) {
      std::this_thread::sleep_until(deadline_);
      return false;
    }
    std::this_thread::sleep_until(resume);
    pause_ = std::min(pause_ * 2, Millis(250));
  }
  return Now() < deadline_;
}

Status Attempts::GaveUp() const {
  if (last_.ok()) {
    return Status(Code::kDeadlineExceeded, "deadline_exceeded",
                  "the deadline had passed before etcd was asked");
  }
  return Status(last_.code(), last_.reason(),
                fmt::format("etcd did not answer until the deadline, in {} attempts at {} "
                            "endpoints; the last: {}",
                            failures_, client_.endpoints(), last_.message()));
}

}  // namespace plugreload::etcd
