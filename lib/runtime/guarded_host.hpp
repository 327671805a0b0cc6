// runtime/guarded_host.hpp - the host, with every call into it marked as such.
#ifndef PLUGRELOAD_RUNTIME_GUARDED_HOST_HPP_
#define PLUGRELOAD_RUNTIME_GUARDED_HOST_HPP_

#include <memory>
#include <utility>

#include "base/callback_scope.hpp"
#include "plugreload/host.hpp"
#include "plugreload/launcher.hpp"

namespace plugreload::internal {

// So that a host that calls back where that would wait for itself is refused instead of stuck.
class GuardedHost final : public Host {
 public:
  explicit GuardedHost(std::shared_ptr<Host> host) : host_(std::move(host)) {}

  Decision Authorise(const Call& call) noexcept override {
    const CallbackScope scope;
    return host_->Authorise(call);
  }
  void Audit(const AuditRecord& record) noexcept override {
    const CallbackScope scope;
    host_->Audit(record);
  }
  void Log(const LogRecord& record) noexcept override {
    const CallbackScope scope;
    host_->Log(record);
  }
  void OnEvent(const Event& event) noexcept override {
    const CallbackScope scope;
    host_->OnEvent(event);
  }
  Result<std::shared_ptr<void>> Attach(const LaunchSpec& spec, const InstanceInfo& info) override {
    const CallbackScope scope;
    return host_->Attach(spec, info);
  }

 private:
  const std::shared_ptr<Host> host_;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_RUNTIME_GUARDED_HOST_HPP_
