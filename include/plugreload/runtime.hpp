// plugreload/runtime.hpp - registry, tree, coordinator, store and launchers, put together.
#ifndef PLUGRELOAD_RUNTIME_HPP_
#define PLUGRELOAD_RUNTIME_HPP_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "plugreload/dispatch.hpp"
#include "plugreload/export.hpp"
#include "plugreload/host.hpp"
#include "plugreload/launcher.hpp"
#include "plugreload/namespaces.hpp"
#include "plugreload/registry.hpp"
#include "plugreload/reload.hpp"
#include "plugreload/status.hpp"
#include "plugreload/store.hpp"
#include "plugreload/types.hpp"

namespace plugreload {

// When an instance that ended by itself is started again: after first * 2^n, at most `max`, each
// shortened by up to half at random; after `limit` failures in a row the mount is `failed`. A mount
// that served for `stable` starts counting anew.
struct RestartPolicy {
  Millis first{100};
  Millis max{30'000};
  std::uint32_t limit = 8;
  Millis stable{60'000};
};

struct RuntimeOptions {
  std::string node = "node";          // names this node in reload results
  std::shared_ptr<StateStore> store;  // null: a memory store of its own
  std::shared_ptr<Host> host;         // null: refuses every dispatched call, drops logs
  std::string plugin_directory;       // absolute; empty: commands must be absolute
  bool allow_unhashed = false;        // accept plugins without sha256
  Handshake handshake{"PLUGRELOAD_PLUGIN_COOKIE", "6a6f3c57-2d0e-4b1b-9d0a-0f6c8a7e5b21", {1}};
  // Further launchers by name. "process" is bound to NewProcessLauncher(process) unless given here.
  std::map<std::string, std::shared_ptr<Launcher>> launchers;
  ProcessLauncherOptions process;
  // Launchers that a dispatched registration may name.
  std::vector<std::string> dispatch_launchers = {"process"};
  RestartPolicy restart;
  std::size_t max_concurrent_starts = 4;
  std::size_t max_concurrent_reloads = 4;
  std::size_t max_queued_reloads = 256;
  std::size_t history = 256;  // reports kept
  // A member of the store that is silent for this long counts as gone. Only with a `store` given.
  Millis member_ttl{10'000};
  // Reloads of several members that the store keeps: the last ones, and how long at most. A member
  // counts the time since it saw the reload as well, so that a clock that is set ahead drops
  // nothing.
  std::size_t global_history = 256;
  Millis global_history_ttl{24 * 3'600'000};
  std::size_t max_notifications = 4096;  // log lines and events waiting for the host
  // Keeps of every held lease since when it is held and its tag, for the reports of reloads that
  // drain. Off, because a tracked Acquire reads the clock, allocates and takes a lock.
  bool track_leases = false;
  // Deregistering a version that a mount runs is refused instead of warned about.
  bool refuse_deregister_in_use = false;
  // Reloading a plugin that the catalog does not have is 400 instead of Vault's 200 with a warning,
  // which does not tell what the catalog holds.
  bool refuse_unknown_plugin = false;
  // Dispatched requests.
  std::size_t max_body_bytes = 32 * 1024 * 1024;
  std::size_t max_json_depth = 64;
  std::size_t max_path_bytes = 8'192;  // of a target, query included
  std::size_t max_name_bytes = 256;    // of a plugin's name in the path; 256 are the most there are
  std::size_t max_mount_bytes = 1'024;  // of the path of a mount or a namespace
  std::size_t max_mounts_per_request = 10'000;
  Millis dispatch_timeout{90'000};  // of one dispatched call, as Vault's default
};

// One per server; any number per process. Everything it hands out is valid until it is destroyed.
// Create it after the host has forked or daemonised: in a forked child everything that waits or
// changes something is refused with kFailedPrecondition "forked" (Dispatch: 503), the destructor
// does nothing, and look-ups may wait for ever.
//
// Thread safety: safe for concurrent use; destroy it once nobody else uses it.
class PLUGRELOAD_EXPORT Runtime {
 public:
  // Loads the store, starts eager mounts behind (wait with WaitReady), sweeps what a crashed
  // predecessor left. Errors: the store's, kInvalidArgument for an option that makes no sense,
  // kFailedPrecondition "run_directory", kResourceExhausted "threads": those that it cannot do
  // without are made here, and a host that gets no more later is served by them.
  static Result<std::unique_ptr<Runtime>> Create(RuntimeOptions options);
  // As Close(After(30 s)). Instances of leases that are still held then are stopped under them.
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  PluginRegistry& registry();
  NamespaceTree& namespaces();
  ReloadCoordinator& reloads();

  // Carries out a Vault-shaped call: authorises it, then answers. Blocks as the call it stands for
  // does, at most RuntimeOptions::dispatch_timeout. Never fails otherwise than by the status.
  Response Dispatch(const Request& request);

  // What it does and has done, as Prometheus scrapes it (text format 0.0.4; every name begins with
  // plugreload_). Sums over threads and mounts: microseconds per mount, no lock that a request
  // takes.
  std::string Metrics() const;

  // Waits until every eager mount serves or has failed. kDeadlineExceeded names those that do not.
  Status WaitReady(Deadline deadline);

  // Refuses new leases and reloads, waits for held leases, stops every instance. kDeadlineExceeded
  // "leases_held": with the count; instances without leases are stopped; after that only releasing
  // leases, Close and the destructor are valid. "callback_running": the host's code has not
  // returned. Idempotent. Events and log lines of the end may still arrive until the destructor has
  // returned.
  Status Close(Deadline deadline);

 private:
  struct Parts;
  explicit Runtime(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace plugreload

#endif  // PLUGRELOAD_RUNTIME_HPP_
