#include "goplugin/core.hpp"

#include <cstddef>
#include <utility>
#include <vector>

#include "goplugin/hclog.hpp"

namespace plugreload::goplugin {
namespace {

constexpr std::size_t kLastLines = 6;
constexpr std::size_t kLastLineBytes = 200;

std::string Printable(std::string_view line) {
  std::string text(line.substr(0, kLastLineBytes));
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = '?';
  }
  return text;
}

}  // namespace

void LastWords::Begin(const std::string& instance) {
  const std::lock_guard lock(mutex_);
  lines_[instance];
}

void LastWords::Add(std::string_view instance, std::string_view line) {
  const std::lock_guard lock(mutex_);
  const auto found = lines_.find(instance);
  if (found == lines_.end()) return;
  found->second.push_back(Printable(line));
  if (found->second.size() > kLastLines) found->second.pop_front();
}

std::string LastWords::Take(const std::string& instance) {
  std::deque<std::string> lines;
  {
    const std::lock_guard lock(mutex_);
    const auto found = lines_.find(instance);
    if (found == lines_.end()) return {};
    lines = std::move(found->second);
    lines_.erase(found);
  }
  std::string text;
  for (const std::string& line : lines)
    text += (text.empty() ? "; its last words: " : " | ") + line;
  return text;
}

Status CheckHealthOptions(const GoPluginLauncherOptions& options) {
  if (options.health_interval > Millis{0} && options.health_timeout > Millis{0} &&
      options.health_failures > 0) {
    return {};
  }
  return Status(Code::kInvalidArgument, "invalid_health",
                "health_interval, health_timeout and health_failures must be above 0; a plugin is "
                "asked as seldom as the interval is long");
}

LogFunction WrapLog(LogFunction log, std::shared_ptr<LastWords> last_words) {
  return [log = std::move(log), last_words = std::move(last_words)](const LogRecord& record) {
    const std::optional<HclogLine> line = ParseHclog(record.message);
    last_words->Add(record.instance, line ? line->message : record.message);
    if (!log) return;
    if (!line) return log(record);
    std::vector<LogField> fields;
    fields.reserve(line->fields.size());
    for (const auto& [name, value] : line->fields) fields.push_back({name, value});
    log(LogRecord{line->level, record.instance, line->message, fields});
  };
}

}  // namespace plugreload::goplugin
