#include "goplugin/health.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <utility>

namespace plugreload::goplugin {
namespace {

// A plugin listens before it prints its line, so a refused connection is an accident or the end.
constexpr Millis kConnectPatience{2'000};
// Of one of several questions; a server that says nothing at all is asked on a new call.
constexpr Millis kQuestion{5'000};
constexpr Millis kPause{20};
// What a plugin that hangs up gets to end, so that the error can tell how.
constexpr Millis kExitGrace{200};

void Pause(const std::stop_token& cancel) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, cancel, kPause, [] { return false; });
}

grpc::Status AskOnce(grpc::Channel& channel, Pulse& pulse, Deadline deadline,
                     const std::stop_token& cancel, wire::HealthAnswer& answer) {
  grpc::ClientContext context;
  context.set_deadline(SystemDeadline(deadline));
  const std::stop_callback wake(cancel, [&context] { context.TryCancel(); });
  wire::HealthRequest request;
  request.set_service(kHealthService);
  return pulse.Call(channel, kHealthCheck, context, request, answer);
}

Status Missing(const grpc::Status& status) {
  return Status(
      Code::kFailedPrecondition, "health_missing",
      "it speaks gRPC but does not know the health service \"plugin\": " + status.error_message());
}

std::string Last(const grpc::Status& status, const wire::HealthAnswer& answer) {
  if (status.ok()) {
    return "the last answer was status " + std::to_string(answer.status()) + " instead of serving";
  }
  return "the last error was \"" + status.error_message() + "\"";
}

}  // namespace

Status WaitServing(grpc::Channel& channel, Pulse& pulse, Deadline deadline,
                   const std::stop_token& cancel, ExitGate& gate) {
  const Deadline patience = std::min(After(kConnectPatience), deadline);
  std::string last;
  for (;;) {
    if (cancel.stop_requested()) {
      return Status(Code::kCancelled, "cancelled", "cancelled while asking whether it serves");
    }
    wire::HealthAnswer answer;
    const grpc::Status status =
        AskOnce(channel, pulse, std::min(After(kQuestion), deadline), cancel, answer);
    if (status.ok() && answer.status() == kServing) return {};
    const grpc::StatusCode code = status.error_code();
    // The question that the deadline cuts off tells less than the answer before it.
    if (last.empty() || code != grpc::StatusCode::DEADLINE_EXCEEDED) last = Last(status, answer);
    if (code == grpc::StatusCode::NOT_FOUND || code == grpc::StatusCode::UNIMPLEMENTED) {
      return Missing(status);
    }
    const Deadline now = std::chrono::steady_clock::now();
    if (code == grpc::StatusCode::UNAVAILABLE && (gate.ended() || now >= patience)) {
      gate.WaitEnded(std::min(After(kExitGrace), deadline));
      std::string message = "no gRPC at its address: " + status.error_message();
      if (gate.ended()) message += "; it ended: " + gate.EndText();
      return Status(Code::kUnavailable, "channel_failed", message);
    }
    if (now >= deadline) {
      return Status(Code::kDeadlineExceeded, "health_timeout",
                    "the deadline passed before it served; " + last);
    }
    Pause(cancel);
  }
}

HealthWatch::HealthWatch(std::shared_ptr<grpc::Channel> channel, std::shared_ptr<Pulse> pulse,
                         HealthOptions options, std::function<void(std::string)> unhealthy)
    : channel_(std::move(channel)),
      pulse_(std::move(pulse)),
      options_(options),
      unhealthy_(std::move(unhealthy)) {}

void HealthWatch::Begin() {
  const std::lock_guard lock(mutex_);
  if (cancelled_) return;
  under_way_ = true;
  ArmAlarm();
}

// The tags hold the watch until the operation has ended.
void HealthWatch::ArmAlarm() {
  alarm_ = std::make_unique<grpc::Alarm>();
  alarm_->Set(pulse_->queue(), SystemDeadline(After(options_.interval)),
              Pulse::Tag([self = shared_from_this()](bool) { self->Ask(); }));
}

void HealthWatch::Ask() {
  const std::lock_guard lock(mutex_);
  if (cancelled_) return EndHere();
  context_ = std::make_unique<grpc::ClientContext>();
  context_->set_deadline(SystemDeadline(After(options_.timeout)));
  answer_.Clear();
  wire::HealthRequest request;
  request.set_service(kHealthService);
  call_ = pulse_->Begin<wire::HealthAnswer>(*channel_, kHealthCheck, *context_, request);
  call_->Finish(&answer_, &status_,
                Pulse::Tag([self = shared_from_this()](bool) { self->TakeAnswer(); }));
}

void HealthWatch::TakeAnswer() {
  std::string detail;
  {
    const std::lock_guard lock(mutex_);
    call_.reset();
    context_.reset();
    if (cancelled_) return EndHere();
    failed_ = status_.ok() && answer_.status() == kServing ? 0 : failed_ + 1;
    if (failed_ < options_.failures) return ArmAlarm();
    detail = "its health check failed " + std::to_string(failed_) + " times in a row; " +
             Last(status_, answer_);
    EndHere();
  }
  unhealthy_(std::move(detail));
}

void HealthWatch::EndHere() {
  under_way_ = false;
  idle_.notify_all();
}

void HealthWatch::Cancel() {
  const std::lock_guard lock(mutex_);
  cancelled_ = true;
  if (alarm_ != nullptr) alarm_->Cancel();
  if (context_ != nullptr) context_->TryCancel();
}

bool HealthWatch::WaitIdle(Deadline deadline) {
  std::unique_lock lock(mutex_);
  return idle_.wait_until(lock, deadline, [this] { return !under_way_; });
}

}  // namespace plugreload::goplugin
