#include "support/plugins.hpp"

#include <array>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <utility>

namespace plugreload::test {

std::string PluginPath(std::string_view program) {
  return std::string(PLUGRELOAD_TEST_PLUGINS) + "/" + std::string(program);
}

std::string Sha256OfFile(const std::string& path) {
  const std::string command = "sha256sum < '" + path + "'";
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(command.c_str(), "re"),
                                                             &::pclose);
  std::array<char, 65> text{};
  if (pipe == nullptr || std::fread(text.data(), 1, 64, pipe.get()) != 64) {
    throw std::runtime_error("cannot hash " + path);
  }
  return text.data();
}

PluginSpec TestPlugin(std::string_view program, std::string version, std::string name) {
  PluginSpec spec;
  spec.ref = {PluginType::kSecret, std::move(name), std::move(version)};
  spec.command = PluginPath(program);
  spec.sha256 = Sha256OfFile(spec.command);
  spec.protocols = {"http"};
  spec.timeouts.start = kPatience;
  spec.timeouts.terminate = Millis{3'000};
  return spec;
}

MountEntry TestMount(std::string ns, std::string path, std::string plugin) {
  MountEntry entry;
  entry.ns = std::move(ns);
  entry.path = std::move(path);
  entry.plugin = std::move(plugin);
  return entry;
}

RuntimeOptions TestOptions(const LeakCheck& leaks, std::shared_ptr<Host> host) {
  RuntimeOptions options;
  options.host = std::move(host);
  options.process.run_directory = leaks.run_directory();
  options.process.env = {leaks.marker()};
  options.restart.first = Millis{10};
  options.restart.max = Millis{200};
  return options;
}

Decision RecordingHost::Authorise(const Call& call) noexcept {
  const std::scoped_lock lock(mutex_);
  calls_.push_back(std::string(call.ns) + "|" + std::string(call.path) + "|" +
                   std::string(call.token));
  return Decision::kAllow;
}

void RecordingHost::Log(const LogRecord& record) noexcept {
  const std::scoped_lock lock(mutex_);
  lines_.push_back(std::string(LogLevelName(record.level)) + " " + std::string(record.instance) +
                   ": " + std::string(record.message));
  changed_.notify_all();
}

void RecordingHost::OnEvent(const Event& event) noexcept {
  const std::scoped_lock lock(mutex_);
  events_.push_back(event);
  changed_.notify_all();
}

std::vector<Event> RecordingHost::Events() const {
  const std::scoped_lock lock(mutex_);
  return events_;
}

std::vector<std::string> RecordingHost::Lines() const {
  const std::scoped_lock lock(mutex_);
  return lines_;
}

std::vector<std::string> RecordingHost::Calls() const {
  const std::scoped_lock lock(mutex_);
  return calls_;
}

std::size_t RecordingHost::Count(EventKind kind) const {
  const std::scoped_lock lock(mutex_);
  std::size_t count = 0;
  for (const Event& event : events_) count += event.kind == kind ? 1 : 0;
  return count;
}

std::optional<Event> RecordingHost::WaitEvent(const std::function<bool(const Event&)>& matches,
                                              Millis timeout) const {
  const Deadline deadline = After(timeout);
  std::unique_lock lock(mutex_);
  std::size_t seen = 0;
  for (;;) {
    for (; seen < events_.size(); ++seen) {
      if (matches(events_[seen])) return events_[seen];
    }
    if (changed_.wait_until(lock, deadline) == std::cv_status::timeout && seen == events_.size()) {
      return std::nullopt;
    }
  }
}

std::optional<Event> RecordingHost::WaitEvent(EventKind kind, std::size_t count,
                                              Millis timeout) const {
  std::size_t found = 0;
  return WaitEvent([&](const Event& event) { return event.kind == kind && ++found == count; },
                   timeout);
}

std::optional<std::string> RecordingHost::WaitLine(std::string_view part, Millis timeout) const {
  const Deadline deadline = After(timeout);
  std::unique_lock lock(mutex_);
  std::size_t seen = 0;
  for (;;) {
    for (; seen < lines_.size(); ++seen) {
      if (lines_[seen].find(part) != std::string::npos) return lines_[seen];
    }
    if (changed_.wait_until(lock, deadline) == std::cv_status::timeout && seen == lines_.size()) {
      return std::nullopt;
    }
  }
}

std::string JsonField(std::string_view json, std::string_view name) {
  const std::string key = "\"" + std::string(name) + "\"";
  std::size_t at = json.find(key);
  if (at == std::string_view::npos) return "";
  at = json.find_first_not_of(" \t\r\n:", at + key.size());
  if (at == std::string_view::npos) return "";
  if (json[at] == '"') return std::string(json.substr(at + 1, json.find('"', at + 1) - at - 1));
  return std::string(json.substr(at, json.find_first_of(",}] \r\n", at) - at));
}

}  // namespace plugreload::test
