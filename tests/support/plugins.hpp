// support/plugins.hpp - test plugins, a host that records, and a client to talk to plugins.
#ifndef PLUGRELOAD_TESTS_SUPPORT_PLUGINS_HPP_
#define PLUGRELOAD_TESTS_SUPPORT_PLUGINS_HPP_

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugreload/host.hpp"
#include "plugreload/runtime.hpp"
#include "plugreload/types.hpp"
#include "support/leaks.hpp"

namespace plugreload::test {

inline constexpr Millis kPatience{20'000};  // sanitizers on a busy machine are slow

// Absolute path of a program of tests/plugins ("good").
std::string PluginPath(std::string_view program);
// 64 hex digits, by sha256sum: not by the code under test.
std::string Sha256OfFile(const std::string& path);

// secret/kv v1.0.0 run by a program of tests/plugins, with its hash and short timeouts. Change what
// the test is about.
PluginSpec TestPlugin(std::string_view program, std::string version = "v1.0.0",
                      std::string name = "kv");
// A mount of it in `ns`.
MountEntry TestMount(std::string ns, std::string path, std::string plugin = "kv");
// Options of a runtime whose children live in the check's directory and carry its marker.
RuntimeOptions TestOptions(const LeakCheck& leaks, std::shared_ptr<Host> host = nullptr);

// Allows everything and remembers everything.
//
// Thread safety: safe for concurrent use.
class RecordingHost : public Host {
 public:
  Decision Authorise(const Call& call) noexcept override;
  void Log(const LogRecord& record) noexcept override;
  void OnEvent(const Event& event) noexcept override;

  // Everything so far.
  std::vector<Event> Events() const;
  std::vector<std::string> Lines() const;  // "warn kv-v1.0.0-1: text"
  std::vector<std::string> Calls() const;  // "ns|path|token"
  std::size_t Count(EventKind kind) const;

  // The first event that matches, past ones included; nullopt at the deadline.
  std::optional<Event> WaitEvent(const std::function<bool(const Event&)>& matches,
                                 Millis timeout = kPatience) const;
  // The `count`-th event of this kind since the host was made.
  std::optional<Event> WaitEvent(EventKind kind, std::size_t count = 1,
                                 Millis timeout = kPatience) const;
  // The first line that contains this text.
  std::optional<std::string> WaitLine(std::string_view part, Millis timeout = kPatience) const;

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::vector<Event> events_;
  std::vector<std::string> lines_, calls_;
};

// One HTTP/1.1 request on a connection of its own.
struct HttpAnswer {
  int status = 0;    // 0: there was none, see error
  std::string head;  // status line and headers
  std::string body;
  std::string error;  // empty: none
};
// `endpoint` as in InstanceInfo: "unix:/path" or "tcp:127.0.0.1:1234".
HttpAnswer HttpCall(std::string_view endpoint, std::string_view method, std::string_view path,
                    std::string_view body = "", Millis timeout = kPatience);
HttpAnswer HttpGet(std::string_view endpoint, std::string_view path, Millis timeout = kPatience);

// The value of a member of a flat JSON object, without quotes; empty when there is none.
std::string JsonField(std::string_view json, std::string_view name);

}  // namespace plugreload::test

#endif  // PLUGRELOAD_TESTS_SUPPORT_PLUGINS_HPP_
