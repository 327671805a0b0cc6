// goplugin/health.hpp - does the plugin serve: once before it is ready, and from then on.
#ifndef PLUGRELOAD_GOPLUGIN_HEALTH_HPP_
#define PLUGRELOAD_GOPLUGIN_HEALTH_HPP_

#include <grpcpp/alarm.h>
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/async_unary_call.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "goplugin/exit_gate.hpp"
#include "goplugin/pulse.hpp"
#include "goplugin/wire.hpp"
#include "plugreload/status.hpp"
#include "plugreload/types.hpp"

namespace plugreload::goplugin {

// Returns when the service "plugin" serves. Errors by reason: "channel_failed", "health_missing",
// "health_timeout", "cancelled".
Status WaitServing(grpc::Channel& channel, Pulse& pulse, Deadline deadline,
                   const std::stop_token& cancel, ExitGate& gate);

struct HealthOptions {
  Millis interval{0};
  Millis timeout{0};
  std::uint32_t failures = 1;
};

// Asks again and again until it is cancelled or has failed for good.
//
// Thread safety: safe for concurrent use.
class HealthWatch : public std::enable_shared_from_this<HealthWatch> {
 public:
  // `unhealthy` runs once at most, on the pulse's thread.
  HealthWatch(std::shared_ptr<grpc::Channel> channel, std::shared_ptr<Pulse> pulse,
              HealthOptions options, std::function<void(std::string)> unhealthy);

  void Begin();
  // Nothing more is asked. What is under way ends behind.
  void Cancel();
  // Nothing is under way any more.
  bool WaitIdle(Deadline deadline);

 private:
  void ArmAlarm();
  void Ask();
  void TakeAnswer();
  void EndHere();

  const std::shared_ptr<grpc::Channel> channel_;
  const std::shared_ptr<Pulse> pulse_;
  const HealthOptions options_;
  const std::function<void(std::string)> unhealthy_;

  std::mutex mutex_;
  std::condition_variable idle_;
  bool under_way_ = false;
  bool cancelled_ = false;
  std::unique_ptr<grpc::Alarm> alarm_;
  std::unique_ptr<grpc::ClientContext> context_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<wire::HealthAnswer>> call_;
  wire::HealthAnswer answer_;
  grpc::Status status_;
  std::uint32_t failed_ = 0;
};

}  // namespace plugreload::goplugin

#endif  // PLUGRELOAD_GOPLUGIN_HEALTH_HPP_
