#include <system_error>
#include <utility>

#include "launch/launcher_core.hpp"
#include "launch/start.hpp"
#include "plugreload/launcher.hpp"

namespace plugreload {
namespace {

class ProcessLauncher : public Launcher {
 public:
  explicit ProcessLauncher(std::shared_ptr<internal::LauncherCore> core) : core_(std::move(core)) {}

  Result<std::unique_ptr<PluginInstance>> Start(const LaunchSpec& spec,
                                                const StartContext& context) override {
    return internal::ProcessStart(core_, spec, context).Run();
  }

 private:
  const std::shared_ptr<internal::LauncherCore> core_;
};

}  // namespace

Result<std::shared_ptr<Launcher>> NewProcessLauncher(ProcessLauncherOptions options) {
  try {
    auto core = internal::LauncherCore::Create(std::move(options));
    if (!core.ok()) return core.status();
    return std::shared_ptr<Launcher>(std::make_shared<ProcessLauncher>(*std::move(core)));
  } catch (const std::system_error& error) {
    return Status(Code::kResourceExhausted, "threads",
                  std::string("cannot start the launcher's threads: ") + error.what());
  }
}

}  // namespace plugreload
