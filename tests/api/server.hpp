// api/server.hpp - a runtime that is only talked to by dispatched requests.
#ifndef PLUGRELOAD_TESTS_API_SERVER_HPP_
#define PLUGRELOAD_TESTS_API_SERVER_HPP_

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "plugreload/runtime.hpp"
#include "support/catch.hpp"
#include "support/leaks.hpp"
#include "support/plugins.hpp"

namespace plugreload::test {

// A request, one line in a table of a test.
struct Line {
  std::string method;
  std::string target;
  std::string body = {};
  std::string ns = {};
  std::string token = "root";
  std::string content_type = {};
};

inline std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}
// `{"errors":["text"]}`, and the same in the form of errors from inside.
inline std::string Errors(std::string_view text) {
  return "{\"errors\":[\"" + Escaped(text) + "\"]}\n";
}
inline std::string Multi(std::string_view text) {
  return "{\"errors\":[\"1 error occurred:\\n\\t* " + Escaped(text) + "\\n\\n\"]}\n";
}
inline const std::string kNotThere = "{\"errors\":[]}\n";
// The envelope around `data`, with <id> for the request id.
inline std::string Envelope(std::string_view data, std::string_view warnings = "null") {
  return "{\"request_id\":\"<id>\",\"lease_id\":\"\",\"renewable\":false,\"lease_duration\":0,"
         "\"data\":" +
         std::string(data) + ",\"wrap_info\":null,\"warnings\":" + std::string(warnings) +
         ",\"auth\":null,\"mount_type\":\"system\"}\n";
}
// The value of the first member of this name anywhere in the text, strings without quotes.
inline std::string Member(std::string_view json, std::string_view name) {
  const std::string key = "\"" + std::string(name) + "\":";
  std::size_t begin = json.find(key);
  if (begin == std::string_view::npos) return {};
  json.remove_prefix(begin + key.size());
  if (json.starts_with('"')) return std::string(json.substr(1, json.find('"', 1) - 1));
  return std::string(json.substr(0, json.find_first_of(",}]")));
}
inline bool Has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// Plugins as objects of the host: versions that do not start, and starts that hang until they are
// let go or cancelled. A plugin is named "kv v2.0.0".
//
// Thread safety: safe for concurrent use.
class Plugins {
 public:
  void Break(const std::string& plugin) {
    Edit([&] { broken_.insert(plugin); });
  }
  void Hold(const std::string& plugin) {
    Edit([&] { held_.insert(plugin); });
  }
  void LetGo() {
    Edit([&] { held_.clear(); });
  }
  // What was started last of it ends by itself.
  void End(const std::string& plugin) {
    std::function<void(const InstanceExit&)> on_exit;
    Edit([&] { on_exit = std::exchange(on_exit_[plugin], nullptr); });
    REQUIRE(on_exit);
    InstanceExit exit;
    exit.exit_code = 1;
    on_exit(exit);
  }

  Result<std::shared_ptr<void>> Start(const LaunchSpec& spec, const StartContext& context) {
    const std::string plugin = spec.plugin.ref.name + " " + spec.plugin.ref.version;
    std::unique_lock lock(mutex_);
    const std::stop_callback wake(context.cancel, [this] { changed_.notify_all(); });
    changed_.wait_until(lock, context.deadline,
                        [&] { return !held_.contains(plugin) || context.cancel.stop_requested(); });
    if (held_.contains(plugin)) return Status(Code::kCancelled, "cancelled", "no longer wanted");
    if (broken_.contains(plugin)) {
      return Status(Code::kUnavailable, "broken", plugin + " is broken");
    }
    on_exit_[plugin] = context.on_exit;
    return std::shared_ptr<void>(std::make_shared<std::string>(plugin));
  }

 private:
  void Edit(const std::function<void()>& edit) {
    const std::scoped_lock lock(mutex_);
    edit();
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::set<std::string> broken_, held_;
  std::map<std::string, std::function<void(const InstanceExit&)>> on_exit_;
};

// secret/kv in v1.0.0 and v2.0.0, auth/ldap and database/pg in v1.0.0, behind the launcher
// "callback". Namespaces team/, team/a/ and other/. Mounts: kv/ in the root (v1.0.0), team/ and
// team/a/; auth/ldap/ and pg/ in the root.
class Server {
 public:
  using Change = std::function<void(RuntimeOptions&)>;

  explicit Server(const Change& change = {}) {
    options_ = TestOptions(leaks_, host_);
    CallbackLauncherOptions callbacks;
    callbacks.start = [plugins = plugins_](const LaunchSpec& spec, const StartContext& context) {
      return plugins->Start(spec, context);
    };
    options_.launchers["callback"] = NewCallbackLauncher(std::move(callbacks));
    options_.dispatch_launchers = {"process", "callback"};
    options_.node = "n1";
    if (change) change(options_);
    auto runtime = Runtime::Create(options_);
    INFO(runtime.status().ToString());
    REQUIRE(runtime.ok());
    runtime_ = *std::move(runtime);
  }
  ~Server() { plugins_->LetGo(); }

  // Everything the comment above promises.
  void Populate() {
    for (const char* ns : {"team", "team/a", "other"}) {
      Must({"POST", std::string("/v1/sys/namespaces/") + ns}, 200);
    }
    const std::string callback = R"({"launcher":"callback","version":")";
    Must({"POST", "/v1/sys/plugins/catalog/secret/kv", callback + "1.0.0\"}"}, 204);
    Must({"POST", "/v1/sys/plugins/catalog/secret/kv", callback + "2.0.0\"}"}, 204);
    Must({"POST", "/v1/sys/plugins/catalog/auth/ldap", callback + "1.0.0\"}"}, 204);
    Must({"POST", "/v1/sys/plugins/catalog/database/pg", callback + "1.0.0\"}"}, 204);
    const std::string kv = R"({"type":"kv","plugin_version":"1.0.0"})";
    Must({"POST", "/v1/sys/mounts/kv", kv}, 204);
    Must({"POST", "/v1/sys/mounts/kv", kv, "team"}, 204);
    Must({"POST", "/v1/sys/mounts/kv", kv, "team/a"}, 204);
    Must({"POST", "/v1/sys/mounts/pg", R"({"type":"pg"})"}, 204);
    Must({"POST", "/v1/sys/auth/ldap", R"({"type":"ldap"})"}, 204);
  }

  Response Call(const Line& line) {
    Request request;
    request.method = line.method;
    request.target = line.target;
    request.ns = line.ns;
    request.token = line.token;
    request.content_type = line.content_type;
    request.body = line.body;
    request.remote = "192.0.2.1:1000";
    return runtime_->Dispatch(request);
  }

  // The body, with <id> for the request id.
  std::string Body(const Line& line, int status) {
    const Response response = Call(line);
    INFO(line.method << " " << line.target << " " << line.body.substr(0, 200));
    INFO(response.body);
    CHECK(response.status == status);
    std::string body = response.body;
    const std::string id = Member(body, "request_id");
    if (id.empty()) return body;
    for (std::size_t at = body.find(id); at != std::string::npos; at = body.find(id)) {
      body.replace(at, id.size(), "<id>");
    }
    return body;
  }

  void Must(const Line& line, int status) {
    const Response response = Call(line);
    INFO(line.method << " " << line.target << " " << line.body.substr(0, 200));
    INFO(response.body);
    REQUIRE(response.status == status);
  }

  // What a lease on the mount says runs: "v2.0.0".
  std::string Running(std::string_view ns, std::string_view path) {
    const auto lease = runtime_->reloads().Acquire(ns, path, kPatience);
    return lease.ok() ? std::string(lease->version()) : lease.status().ToString();
  }

  Plugins& plugins() { return *plugins_; }
  Runtime& runtime() { return *runtime_; }
  RecordingHost& host() { return *host_; }

 private:
  LeakCheck leaks_;
  std::shared_ptr<RecordingHost> host_ = std::make_shared<RecordingHost>();
  std::shared_ptr<Plugins> plugins_ = std::make_shared<Plugins>();
  RuntimeOptions options_;
  std::unique_ptr<Runtime> runtime_;
};

}  // namespace plugreload::test

#endif  // PLUGRELOAD_TESTS_API_SERVER_HPP_
