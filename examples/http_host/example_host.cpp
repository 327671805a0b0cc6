#include "http_host/example_host.hpp"

#include <time.h>

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>

#include "http_host/plugin_pool.hpp"
#include "plugreload/launcher.hpp"

namespace example {

using plugreload::LogLevel;

plugreload::Decision ExampleHost::Authorise(const plugreload::Call& call) noexcept {
  if (call.unauthenticated) return plugreload::Decision::kAllow;
  try {
    if (tokens_.Allows(call.token, call.ns)) return plugreload::Decision::kAllow;
  } catch (const std::exception&) {
    // Out of memory: nobody gets in.
  }
  return plugreload::Decision::kDeny;
}

void ExampleHost::Log(const plugreload::LogRecord& record) noexcept {
  if (record.level < level_) return;
  try {
    timespec now{};
    tm utc{};
    char stamp[32];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    std::strftime(stamp, sizeof(stamp), "%FT%T", &utc);
    std::string text(record.message);
    for (char& c : text) {  // a plugin may write anything; a terminal must not obey it
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
    }
    std::fprintf(stderr, "%s.%03ldZ [%s] %.*s%s%s\n", stamp, now.tv_nsec / 1'000'000,
                 std::string(plugreload::LogLevelName(record.level)).c_str(),
                 static_cast<int>(record.instance.size()), record.instance.data(),
                 record.instance.empty() ? "" : ": ", text.c_str());
  } catch (const std::exception&) {
    // Out of memory: the line is lost.
  }
}

void ExampleHost::OnEvent(const plugreload::Event& event) noexcept {
  try {
    std::string text(plugreload::EventKindName(event.kind));
    if (!event.mount.empty()) text += " " + event.ns + event.mount;
    if (!event.plugin.empty()) text += " " + event.plugin;
    if (event.generation != 0) text += " generation " + std::to_string(event.generation);
    if (!event.reload_id.empty()) text += " reload " + event.reload_id;
    if (!event.message.empty()) text += ": " + event.message;
    const bool bad = event.kind == plugreload::EventKind::kInstanceFailed ||
                     event.kind == plugreload::EventKind::kMountFailed;
    Log({bad ? LogLevel::kWarn : LogLevel::kInfo, event.instance, text});
  } catch (const std::exception&) {
    // Out of memory: the line is lost.
  }
}

plugreload::Result<std::shared_ptr<void>> ExampleHost::Attach(
    const plugreload::LaunchSpec& spec, const plugreload::InstanceInfo& info) {
  auto pool = std::make_shared<PluginPool>(info.endpoint);
  error_code error;
  Stream stream = pool->Connect(Clock::now() + spec.plugin.timeouts.attach / 2, error);
  if (error) {
    return plugreload::Status(
        plugreload::Code::kUnavailable, "connect_failed",
        "connecting to " + spec.instance + " at " + info.endpoint + ": " + error.message());
  }
  pool->Give(std::move(stream));
  return std::shared_ptr<void>(std::move(pool));
}

}  // namespace example
