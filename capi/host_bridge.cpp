#include "host_bridge.hpp"

#include <string>

#include "guard.hpp"

namespace plugreload::capi {

UserData::~UserData() {
  if (destroy_ == nullptr) return;
  CallHost(0, [&] {
    destroy_(pointer_);
    return 0;
  });
}

Status CallbackStatus(plugreload_code code, const char* callback, const plugreload_launch& launch) {
  if (code == PLUGRELOAD_OK) return {};
  const std::string_view name = CodeName(static_cast<Code>(code));
  const bool known = name != "CODE_UNKNOWN";
  const PluginRef& ref = launch.spec.plugin.ref;
  std::string message = "the host's " + std::string(callback) + " of " +
                        std::string(PluginTypeName(ref.type)) + "/" + ref.name +
                        (ref.version.empty() ? "" : " " + ref.version) + " for mount \"" +
                        launch.spec.mount.ns + launch.spec.mount.path + "\" answered " +
                        (known ? std::string(name) : std::to_string(code) + ", which is no code");
  if (!launch.message.empty()) message += ": " + launch.message;
  const std::string fallback = std::string(callback) + "_failed";
  return Status(known ? static_cast<Code>(code) : Code::kInternal,
                launch.reason.empty() ? fallback : launch.reason, message);
}

Decision HostBridge::Authorise(const plugreload::Call& call) noexcept {
  if (table_.authorise == nullptr) {
    return table_.token_count == 0 ? Decision::kDeny : tokens_.Authorise(call);
  }
  const std::int32_t answer = CallHost<std::int32_t>(PLUGRELOAD_DENY, [&] {
    const plugreload_access access(call);
    return table_.authorise(user_data_.get(), &access);
  });
  return answer == PLUGRELOAD_ALLOW ? Decision::kAllow : Decision::kDeny;
}

void HostBridge::Audit(const AuditRecord& record) noexcept {
  if (table_.audit == nullptr) return;
  CallHost(0, [&] {
    const plugreload_audit audit(record);
    table_.audit(user_data_.get(), &audit);
    return 0;
  });
}

void HostBridge::Log(const LogRecord& record) noexcept {
  if (table_.log == nullptr) return;
  CallHost(0, [&] {
    const std::string instance(record.instance);
    const std::string message(record.message);
    table_.log(user_data_.get(), static_cast<std::int32_t>(record.level), instance.c_str(),
               instance.size(), message.c_str(), message.size());
    return 0;
  });
}

void HostBridge::OnEvent(const Event& event) noexcept {
  session_->events().Push(event);
  if (table_.event == nullptr) return;
  CallHost(0, [&] {
    const plugreload_event handle{event};
    table_.event(user_data_.get(), &handle);
    return 0;
  });
}

Result<std::shared_ptr<void>> HostBridge::Attach(const LaunchSpec& spec, const InstanceInfo& info) {
  if (table_.attach == nullptr) return std::shared_ptr<void>();
  plugreload_launch launch{spec, After(spec.plugin.timeouts.attach), nullptr, nullptr, nullptr,
                           info};
  void* attached = nullptr;
  const plugreload_code code = CallHost<plugreload_code>(
      PLUGRELOAD_INTERNAL, [&] { return table_.attach(user_data_.get(), &launch, &attached); });
  if (Status status = CallbackStatus(code, "attach", launch); !status.ok()) return status;
  if (attached == nullptr) return std::shared_ptr<void>();
  // When memory is short here, shared_ptr calls the deleter before it throws.
  return std::shared_ptr<void>(attached, [self = shared_from_this()](void* object) {
    if (self->table_.detach == nullptr) return;
    CallHost(0, [&] {
      self->table_.detach(self->user_data_.get(), object);
      return 0;
    });
  });
}

}  // namespace plugreload::capi
