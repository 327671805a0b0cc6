#include "plugreload/host.hpp"

#include "plugreload/launcher.hpp"

namespace plugreload {

Host::~Host() = default;

Decision Host::Authorise(const Call&) noexcept { return Decision::kDeny; }
void Host::Audit(const AuditRecord&) noexcept {}
void Host::Log(const LogRecord&) noexcept {}
void Host::OnEvent(const Event&) noexcept {}
Result<std::shared_ptr<void>> Host::Attach(const LaunchSpec&, const InstanceInfo&) {
  return std::shared_ptr<void>();
}

Launcher::~Launcher() = default;

Result<PluginFacts> Launcher::Inspect(const LaunchSpec&, const StartContext&) {
  return Status(Code::kUnimplemented, "no_inspection",
                "plugins of this launcher cannot be asked for their type and version");
}
PluginInstance::~PluginInstance() = default;

}  // namespace plugreload
