// host_bridge.hpp - the host's tables of functions as the library's interfaces.
#ifndef PLUGRELOAD_CAPI_HOST_BRIDGE_HPP_
#define PLUGRELOAD_CAPI_HOST_BRIDGE_HPP_

#include <memory>
#include <string_view>
#include <utility>

#include "handles.hpp"
#include "plugreload/authoriser.hpp"
#include "plugreload/host.hpp"
#include "plugreload/launcher.hpp"
#include "session.hpp"

namespace plugreload::capi {

// The user_data of a table, and its destroy: called once, by whoever owns this last.
class UserData {
 public:
  UserData(void* pointer, plugreload_destroy_fn destroy) : pointer_(pointer), destroy_(destroy) {}
  UserData(UserData&& other) noexcept
      : pointer_(other.pointer_), destroy_(std::exchange(other.destroy_, nullptr)) {}
  UserData& operator=(UserData&&) = delete;
  ~UserData();

  void* get() const { return pointer_; }

 private:
  void* pointer_;
  plugreload_destroy_fn destroy_;
};

// plugreload_host as Host. Every event also goes to the session's queue.
//
// Thread safety: as the host's functions, which rule 9 asks to be safe.
class HostBridge : public Host, public std::enable_shared_from_this<HostBridge> {
 public:
  HostBridge(const plugreload_host& table, StaticTokens tokens, UserData user_data,
             std::shared_ptr<Session> session)
      : table_(table),
        tokens_(std::move(tokens)),
        user_data_(std::move(user_data)),
        session_(std::move(session)) {}

  Decision Authorise(const plugreload::Call& call) noexcept override;
  void Audit(const AuditRecord& record) noexcept override;
  void Log(const LogRecord& record) noexcept override;
  void OnEvent(const Event& event) noexcept override;
  Result<std::shared_ptr<void>> Attach(const LaunchSpec& spec, const InstanceInfo& info) override;

 private:
  const plugreload_host table_;
  const StaticTokens tokens_;
  const UserData user_data_;
  const std::shared_ptr<Session> session_;
};

// plugreload_launcher_ops as Launcher. Its instances keep it, so that destroy comes after the last
// stop, even that of a start that came too late.
//
// Thread safety: as the table's functions.
class LauncherBridge : public Launcher, public std::enable_shared_from_this<LauncherBridge> {
 public:
  LauncherBridge(const plugreload_launcher_ops& table, UserData user_data)
      : table_(table), user_data_(std::move(user_data)) {}

  Result<std::unique_ptr<PluginInstance>> Start(const LaunchSpec& spec,
                                                const StartContext& context) override;
  Result<PluginFacts> Inspect(const LaunchSpec& spec, const StartContext& context) override;
  Status Stop(void* object, std::string_view instance, Deadline deadline) const;

 private:
  const plugreload_launcher_ops table_;
  const UserData user_data_;
};

// What a callback answered, for a person: "attach" of which instance and mount.
Status CallbackStatus(plugreload_code code, const char* callback, const plugreload_launch& launch);

}  // namespace plugreload::capi

#endif  // PLUGRELOAD_CAPI_HOST_BRIDGE_HPP_
