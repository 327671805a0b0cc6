// plugreload/host.hpp - what the library asks of the server it lives in.
#ifndef PLUGRELOAD_HOST_HPP_
#define PLUGRELOAD_HOST_HPP_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plugreload/export.hpp"
#include "plugreload/status.hpp"
#include "plugreload/types.hpp"

namespace plugreload {

struct LaunchSpec;
struct InstanceInfo;

enum class LogLevel : std::int32_t { kTrace = 0, kDebug = 1, kInfo = 2, kWarn = 3, kError = 4 };
PLUGRELOAD_EXPORT std::string_view LogLevelName(LogLevel level);  // "trace" ... "error"

// What a line says beside its message, of a plugin that logs structured text.
struct LogField {
  std::string_view name;
  std::string_view value;  // a string as it is, anything else as JSON
};

// One line. The views are valid during the call.
struct LogRecord {
  LogLevel level = LogLevel::kInfo;
  std::string_view instance;  // the instance it comes from or is about; empty: the runtime itself
  std::string_view message;   // without newline; of a plugin's output, any bytes
  std::span<const LogField> fields = {};  // in the plugin's order; empty: none
};

// "create" ... as Vault names what a policy allows.
enum class Operation : std::int32_t { kRead = 0, kUpdate = 1, kDelete = 2, kList = 3 };

// A dispatched call, as the authoriser sees it, before anything about the catalog is looked at.
// What it means is taken from the request alone: none of it need exist.
struct Call {
  Operation operation = Operation::kRead;
  std::string_view ns;      // canonical, as the request gave it; may not exist
  std::string_view path;    // below /v1/, without the namespace ("sys/plugins/pins/secret/kv")
  std::string_view token;   // as given; empty: none. Never logged by the library
  std::string_view remote;  // address of the caller as the host gave it
  // The endpoint: its path with placeholders ("sys/plugins/pins/{type}/{name}"); empty: there is
  // none for this path in this namespace.
  std::string_view endpoint;
  // Clients ask it before they have a token: sys/health, sys/seal-status.
  bool unauthenticated = false;
  // The plugin that is meant, kUnknown and empty when none is or the type is not said; and the
  // mounts by path.
  PluginType plugin_type = PluginType::kUnknown;
  std::string_view plugin;
  std::span<const std::string> mounts;
};

// A dispatched call and how it ended. It never holds a token, an environment value, or a body.
// The views are valid during the call.
struct AuditRecord {
  std::string_view request_id;
  std::string_view method;
  Call call;                   // with an empty token; empty altogether when it could not be read
  std::string_view caller;     // 16 hex digits that are the same for the same token of one runtime
  bool allowed = false;        // by the authoriser
  int status = 0;              // of the answer
  std::string_view reload_id;  // of the reload that it began; empty: none
  std::span<const std::string> errors;
  std::int64_t duration_us = 0;
};

enum class Decision : std::int32_t { kDeny = 0, kAllow = 1 };

enum class EventKind : std::int32_t {
  kInstanceStarted = 1,
  kInstanceFailed = 2,  // did not start, or ended by itself
  kInstanceStopped = 3,
  kMountServing = 4,  // a generation began to serve the mount
  kMountFailed = 5,   // the restart limit is reached, or nothing could be started
  kReloadStarted = 6,
  kReloadDraining = 7,  // the call returned, old leases are still held
  kReloadFinished = 8,  // every old instance is retired
  kEventsLost = 9,      // the queue to the host was full; `count` events were dropped
  kMountState = 10,     // `state`: idle, starting, held, restarting, removed
  kReloadQueued = 11,
  kReloadProgress =
      12,  // `count` of `total` mounts are done, or the phase (`state`) is another one
};
PLUGRELOAD_EXPORT std::string_view EventKindName(EventKind kind);

struct Event {
  EventKind kind = EventKind::kInstanceStarted;
  std::string reload_id;  // empty: not part of a reload
  std::string ns;         // of the mount; empty also for the root namespace
  std::string mount;      // empty: not about one mount
  std::string plugin;     // "secret/kv v2.0.0"
  std::string instance;
  std::uint64_t generation = 0;
  std::uint64_t count = 0;  // kReloadFinished: of mounts that failed
  std::uint64_t total = 0;
  std::string state;    // of the mount (MountStateName) or of the reload (ReloadPhaseName)
  std::string message;  // kReloadDraining: which mounts are held, and by how many leases
};

// A seam: the server. Every method has a default, and the default of Authorise is to refuse.
//
// Thread safety: methods are called from several threads at once, with no lock of the library
// held. Log and OnEvent come from one notifier thread per runtime, in order; when the host is
// slower than the library, the oldest are dropped, counted and told.
class PLUGRELOAD_EXPORT Host {
 public:
  virtual ~Host();

  // May this dispatched call be carried out? Called on the thread of Runtime::Dispatch.
  virtual Decision Authorise(const Call& call) noexcept;

  // After each dispatched call, refused ones included, on its thread, before it returns.
  virtual void Audit(const AuditRecord& record) noexcept;

  virtual void Log(const LogRecord& record) noexcept;
  virtual void OnEvent(const Event& event) noexcept;

  // Makes what the host keeps per instance (a connection pool, say): called once for each ready
  // instance before it serves; leases hand it out; the last reference is dropped after the
  // instance has drained and before it is stopped. A failure fails the start. It cannot be
  // aborted: past PluginTimeouts::attach the start fails and the late object is destroyed.
  virtual Result<std::shared_ptr<void>> Attach(const LaunchSpec& spec, const InstanceInfo& info);
};

}  // namespace plugreload

#endif  // PLUGRELOAD_HOST_HPP_
