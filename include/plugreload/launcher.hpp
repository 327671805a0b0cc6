// plugreload/launcher.hpp - how an instance of a plugin is started and stopped.
#ifndef PLUGRELOAD_LAUNCHER_HPP_
#define PLUGRELOAD_LAUNCHER_HPP_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "plugreload/export.hpp"
#include "plugreload/host.hpp"
#include "plugreload/status.hpp"
#include "plugreload/types.hpp"

namespace plugreload {

// What to start. The strings are the launcher's to keep.
struct LaunchSpec {
  PluginSpec plugin;     // the resolved version
  std::string command;   // absolute; plugin.command under the plugin directory when relative
  Handshake handshake;   // the plugin's own, or the runtime's
  std::string instance;  // unique name of this instance, for logs ("kv-v2.0.0-17")
  // The mount it starts for. A shared instance serves others later: their namespace, mount and
  // options come with each lease, and these tell only what caused the start.
  MountEntry mount;
};

// How an instance ended without being asked to.
struct InstanceExit {
  std::optional<int> exit_code;  // exited by itself
  std::optional<int> signal;     // killed; neither: it ended and nobody can tell how
  std::string detail;            // one line, with the last words of its stderr if any
};

struct StartContext {
  Deadline deadline;
  // Stop is requested when the start is no longer wanted; Start then returns kCancelled soon.
  std::stop_token cancel;
  // To be called at most once, from any thread, when the instance ends although nobody called
  // Stop; not before Start has made the instance, not after the instance's destructor began.
  std::function<void(const InstanceExit&)> on_exit;
};

struct InstanceInfo {
  std::string endpoint;      // "unix:/path", "tcp:127.0.0.1:1234"; empty for a host's object
  std::string protocol;      // "http", "grpc"; empty for a host's object
  int protocol_version = 0;  // the application protocol version the plugin chose
  std::int64_t pid = 0;      // 0: not a process
  bool sealed = false;       // what runs is a sealed copy of what was hashed
  void* object = nullptr;    // of the callback launcher: the host's object
  // For a launcher that keeps an object of its own above: what its functions know it by.
  const void* object_kind = nullptr;
  std::string certificate;  // that its handshake line named: base64 of DER; empty: none
};

// What a plugin says about itself.
struct PluginFacts {
  PluginType type = PluginType::kUnknown;  // kUnknown: it does not say
  std::string version;                     // in its own words; empty: it does not say
  // What it needs to start, when the spec had no handshake of its own and the launcher found one
  // that it answers to. For PluginSpec::handshake and, where its keys are not given, ::env.
  std::optional<Handshake> handshake;
  std::vector<std::string> env;
};

// A running plugin. Destroying it stops it as Stop with the plugin's own timeouts would.
class PLUGRELOAD_EXPORT PluginInstance {
 public:
  virtual ~PluginInstance();

  // Constant for the life of the instance.
  virtual const InstanceInfo& info() const = 0;

  // Stops the instance and everything it started, and returns when nothing of it is left, or at
  // the deadline: kDeadlineExceeded, "unkillable". Idempotent; OK when it had ended by itself. Of a
  // child process: its group, and whoever left that and holds a descriptor that it was given. Who
  // has left the group and closed them all is not looked for.
  virtual Status Stop(Deadline deadline) = 0;
};

// A seam: starts instances of one kind. Named in PluginSpec::launcher, bound in
// RuntimeOptions::launchers.
//
// Thread safety: Start is called from several threads at once.
class PLUGRELOAD_EXPORT Launcher {
 public:
  virtual ~Launcher();

  // Returns when the instance can serve; started is not ready. Blocks until then, at most until
  // context.deadline, and soon returns after a cancel. On any failure nothing of it is left. A
  // Start that overruns its deadline is not aborted: its caller goes on without it, and an
  // instance it returns late is stopped and destroyed.
  virtual Result<std::unique_ptr<PluginInstance>> Start(const LaunchSpec& spec,
                                                        const StartContext& context) = 0;

  // Optional: starts the plugin for a moment, of no mount, and asks what it is. `spec.plugin.ref`
  // may lack type and version. Time and cancel as in Start; on_exit is empty. kUnimplemented
  // "no_inspection": plugins of this launcher cannot tell, and none was started.
  virtual Result<PluginFacts> Inspect(const LaunchSpec& spec, const StartContext& context);
};

struct ProcessLauncherOptions {
  // Where the private directory of each instance is made; created with mode 0700. Short: a socket
  // path has 108 bytes at most. Empty: "/run/plugreload-<uid>", else below TMPDIR or /tmp. Several
  // runtimes may share it: each locks a subdirectory, and a start sweeps unlocked ones away. Sealed
  // scripts run from it, so its file system must not be mounted noexec; /run is passed over if it
  // is.
  std::string run_directory;
  // Names of the host's environment variables that children see. Nothing else of it is inherited.
  std::vector<std::string> inherit_env = {"PATH", "LANG", "TZ"};
  // KEY=value for every child, before the plugin's own.
  std::vector<std::string> env;
  std::size_t max_handshake_bytes = 16 * 1024;  // before the first newline on stdout
  std::size_t max_log_line_bytes = 64 * 1024;   // a longer line is logged in pieces
  std::size_t max_log_bytes_per_second =
      1024 * 1024;  // of one instance; more is counted and dropped
  std::size_t max_image_bytes = std::size_t{1} << 30;  // of one sealed copy
  // Takes what children write and what the launcher notices; called from its own threads with no
  // lock held. Empty: dropped, yet still read. RuntimeOptions sets it to Host::Log.
  std::function<void(const LogRecord&)> log;
};

// Child processes that print go-plugin's handshake line. Owns a spawner thread (children die with
// the host: their parent-death signal follows that thread) and a poller thread; both end when the
// launcher is destroyed, which waits for every child to be reaped. A start that copies a program of
// 1 MiB or more has another thread for as long. Linux 5.4 or newer.
//
// The child gets: its own process group, /dev/null as stdin, default signals, umask and directory
// of the host, no descriptor but stdio and one: PLUGRELOAD_LIVENESS_FD, which reads as ended when
// the host is gone or wants it to stop. Environment: the cookie, PLUGIN_PROTOCOL_VERSIONS,
// PLUGIN_UNIX_SOCKET_DIR and TMPDIR (the private 0700 directory), PLUGIN_MIN_PORT and
// PLUGIN_MAX_PORT, PLUGRELOAD_PLUGIN, PLUGRELOAD_VERSION, and, unless it is shared,
// PLUGRELOAD_NAMESPACE, PLUGRELOAD_MOUNT, PLUGRELOAD_ACCESSOR and PLUGRELOAD_OPTION_<KEY> per
// option of the mount.
//
// Errors of Start by reason: "command_not_found", "not_executable", "checksum_mismatch",
// "image_too_large", "spawn_failed", "handshake_invalid", "handshake_missing" (it ended or closed
// stdout first), "handshake_timeout", "protocol_unsupported", "version_unsupported",
// "endpoint_unreachable", "peer_mismatch" (the socket belongs to another process), "cancelled".
// The message carries the last lines of stderr. kFailedPrecondition "run_directory" from New when
// it cannot be made or locked; kResourceExhausted "threads" or "descriptors".
PLUGRELOAD_EXPORT Result<std::shared_ptr<Launcher>> NewProcessLauncher(
    ProcessLauncherOptions options);

// Objects of the host as instances. `start` makes one and returns when it can serve; `stop` ends
// it, and is called exactly once per object, before the object's last reference goes.
//
// Errors of Start by reason, beyond what `start` returns: kFailedPrecondition "no_callback";
// kInternal "no_object" (it returned OK and null), "callback_threw"; kUnavailable "exited" (the
// object said so before it was ready); kCancelled "cancelled".
struct CallbackLauncherOptions {
  std::function<Result<std::shared_ptr<void>>(const LaunchSpec&, const StartContext&)> start;
  std::function<Status(const std::shared_ptr<void>&, Deadline)> stop;  // may be empty
  // Launcher::Inspect; may be empty.
  std::function<Result<PluginFacts>(const LaunchSpec&, const StartContext&)> inspect = {};
};
PLUGRELOAD_EXPORT std::shared_ptr<Launcher> NewCallbackLauncher(CallbackLauncherOptions options);

}  // namespace plugreload

#endif  // PLUGRELOAD_LAUNCHER_HPP_
