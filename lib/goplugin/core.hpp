// goplugin/core.hpp - what the instances of one launcher share.
#ifndef PLUGRELOAD_GOPLUGIN_CORE_HPP_
#define PLUGRELOAD_GOPLUGIN_CORE_HPP_

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "goplugin/identity.hpp"
#include "goplugin/messenger.hpp"
#include "goplugin/pulse.hpp"
#include "plugreload/goplugin.hpp"

namespace plugreload::goplugin {

// The last lines of instances that are starting, for the error if they fail.
//
// Thread safety: safe for concurrent use.
class LastWords {
 public:
  void Begin(const std::string& instance);
  void Add(std::string_view instance, std::string_view line);
  // "; its last words: ..." or empty; forgets the instance.
  std::string Take(const std::string& instance);

 private:
  std::mutex mutex_;
  std::map<std::string, std::deque<std::string>, std::less<>> lines_;
};

// Owned by the launcher and by each of its instances.
//
// Thread safety: safe for concurrent use.
struct Core {
  GoPluginLauncherOptions options;
  std::shared_ptr<Launcher> processes;
  std::optional<Identity> identity;  // with AutoMTLS: one for all instances, never on disk
  std::shared_ptr<LastWords> last_words = std::make_shared<LastWords>();
  std::shared_ptr<Messenger> messenger;
  std::shared_ptr<Pulse> pulse;
};

// kInvalidArgument "invalid_health".
Status CheckHealthOptions(const GoPluginLauncherOptions& options);

// Reads hclog's lines, keeps last words, and hands all to `log`, which may be empty.
LogFunction WrapLog(LogFunction log, std::shared_ptr<LastWords> last_words);

}  // namespace plugreload::goplugin

#endif  // PLUGRELOAD_GOPLUGIN_CORE_HPP_
