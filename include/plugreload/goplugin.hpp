// plugreload/goplugin.hpp - HashiCorp's go-plugin plugins: the optional component over gRPC.
#ifndef PLUGRELOAD_GOPLUGIN_HPP_
#define PLUGRELOAD_GOPLUGIN_HPP_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plugreload/export.hpp"
#include "plugreload/launcher.hpp"
#include "plugreload/reload.hpp"
#include "plugreload/status.hpp"
#include "plugreload/types.hpp"

namespace grpc {
class Channel;
}

namespace plugreload {

// How host and plugin know each other. A plugin has the choice by the launcher it names: bind one
// of each kind, say "goplugin" and "goplugin_plain".
//
// auto_mtls: TLS in which each side trusts exactly the other's one certificate; what Vault does.
// plain: no TLS. A socket's owner must be the process just started, which proves on one machine
// what the certificates prove, at none of their time. Who else may connect: nobody of another user
// where the plugin puts its socket into the private directory it is given, as go-plugin does;
// elsewhere the plugin decides. Of a plugin that listens on TCP only auto_mtls can tell who
// answers.
enum class GoPluginSecurity : std::int32_t { kAutoMtls = 0, kPlain = 1 };

struct GoPluginLauncherOptions {
  // Of the child processes: directory, environment, limits. `log` takes what plugins write, with
  // level and fields where they log as hclog does in JSON, and what stdio streams carry. A message
  // longer than max_log_line_bytes comes in pieces, without fields.
  ProcessLauncherOptions process;
  GoPluginSecurity security = GoPluginSecurity::kAutoMtls;
  // None of the three may be 0 or less.
  Millis health_interval{5'000};      // from one answer to the next question
  Millis health_timeout{2'000};       // of one question
  std::uint32_t health_failures = 3;  // in a row; then the instance counts as ended
  // Of GRPCController.Shutdown and of the end that follows it; then the ladder of signals. At most
  // half of what a Stop has left.
  Millis shutdown_timeout{2'000};
  // That a plugin may send in one; a compressed one counts unpacked, and is unpacked first.
  std::size_t max_message_bytes = std::size_t{64} << 20;
};

// Runs plugins of go-plugin's protocol version 1 that speak gRPC, as child processes of a launcher
// from NewProcessLauncher, whose promises hold here too. Started means: the handshake line came,
// the connection stands, and the health service answered that "plugin" serves. From then on it is
// asked every health_interval; an instance that no longer answers is told to StartContext::on_exit.
//
// Stop asks the plugin's controller to shut down, then waits for its end. A lost answer is the
// usual one; a plugin without a controller gets signals at once.
//
// Owns two threads besides the process launcher's. gRPC keeps threads of its own until the host
// exits, and writes its errors to stderr unless the host sets GRPC_VERBOSITY or a log function.
// Create it after the host has forked.
//
// Errors of Start by reason, besides those of the process launcher: "certificate_missing" (asked
// for TLS, offered none: it is no plugin of go-plugin 1.0 or newer, or its own provider of TLS
// stands in the way), "certificate_unexpected" (asked for none), "certificate_invalid",
// "channel_failed" (no gRPC answer at its address), "health_missing" (it does not know the service
// "plugin"), "health_timeout" (it does not serve in time). Of New: kInvalidArgument
// "invalid_health", kInternal "certificate", and those of NewProcessLauncher.
PLUGRELOAD_EXPORT Result<std::shared_ptr<Launcher>> NewGoPluginLauncher(
    GoPluginLauncherOptions options);

// A plugin that runs already, under a debugger say: go-plugin's reattach form.
struct GoPluginReattach {
  std::string endpoint;      // "unix:/path", "tcp:127.0.0.1:1234"
  int protocol_version = 0;  // the application's
  std::int64_t pid = 0;
};
// From what Go plugins print in their debug mode: {"Protocol":"grpc","ProtocolVersion":4,"Pid":17,
// "Addr":{"Network":"unix","String":"/tmp/plugin17"}}, further members ignored. kInvalidArgument
// "invalid_reattach".
PLUGRELOAD_EXPORT Result<GoPluginReattach> ParseGoPluginReattach(std::string_view json);

// Serves every Start with this one process, without TLS, whatever the spec's command and digest.
// From New on it is held by its pidfd, which no later process of its number matches, and at each
// Start, on a unix socket, it must be the one that bound it. Stop lets go of it and leaves it
// running. Its end is told at once; once started it is not asked for its health, as it may stand at
// a breakpoint. A start after its end fails. Errors by reason, besides those of
// NewGoPluginLauncher: "process_gone" and kResourceExhausted "threads" (both of New too),
// "peer_mismatch", "version_unsupported". Owns three threads.
PLUGRELOAD_EXPORT Result<std::shared_ptr<Launcher>> NewGoPluginReattachLauncher(
    GoPluginReattach plugin, GoPluginLauncherOptions options);

// The channel to an instance: made once per instance, ready, shared by everyone who asks. Null when
// another launcher made the instance. Calls fail with UNAVAILABLE once the instance has stopped.
// Never retries by itself.
PLUGRELOAD_EXPORT std::shared_ptr<grpc::Channel> ChannelOf(const InstanceInfo& info);
PLUGRELOAD_EXPORT std::shared_ptr<grpc::Channel> ChannelOf(const PluginLease& lease);

// For hosts that connect by themselves. All PEM texts are empty without TLS.
struct GoPluginEndpoint {
  std::string target;           // a URI of gRPC: "unix:/a%20path", "ipv4:127.0.0.1:1234"
  std::string server_name;      // that the plugin's certificate carries
  std::string root_pem;         // the plugin's certificate: the only one to trust
  std::string certificate_pem;  // the host's
  std::string private_key_pem;  // the host's: keep it secret
};
// nullopt when another launcher made the instance.
PLUGRELOAD_EXPORT std::optional<GoPluginEndpoint> GoPluginEndpointOf(const InstanceInfo& info);

// go-plugin's broker, for plugins that call services of the host: offers the server that listens on
// `address` ("unix:/path", "tcp:127.0.0.1:1234") and returns the number by which the plugin dials
// it, to be told in a call of the host's own. With AutoMTLS the plugin dials with its certificate
// and expects the host's, both as in GoPluginEndpoint; plugins on a go-plugin older than 1.4.4
// cannot, and need a launcher without TLS. A number is good for one dial, within the 5 s for which
// go-plugin keeps it. kUnavailable "broker_closed": the instance has ended, or an earlier offer
// showed that the plugin has no broker, of which the first tells nothing; kInvalidArgument
// "invalid_address"; kFailedPrecondition "no_broker" when another launcher made the instance.
PLUGRELOAD_EXPORT Result<std::uint32_t> OfferService(const InstanceInfo& info,
                                                     std::string_view address);

// Vault's multiplexing: one process serves many mounts, and every call names the one it is for in
// its metadata. False also for a plugin that has never heard of it, and when another launcher made
// the instance; then the metadata is not needed. Asks the plugin, at most 2 s, until it has
// answered once. kUnavailable "no_answer": it has not, which says neither.
inline constexpr char kMultiplexIdKey[] = "multiplex_id";
PLUGRELOAD_EXPORT Result<bool> SupportsMultiplexing(const InstanceInfo& info);
// The value: the mount's accessor and its generation, so that a reload begins anew.
PLUGRELOAD_EXPORT std::string MultiplexId(const PluginLease& lease);

// What hosts of a known kind put into PluginSpec: the cookie and versions, the environment that
// their plugins insist on. Known: "vault_backend", "vault_database".
struct GoPluginProfile {
  Handshake handshake;
  std::vector<std::string> env;  // KEY=value
};
// nullopt: no such name.
PLUGRELOAD_EXPORT std::optional<GoPluginProfile> FindGoPluginProfile(std::string_view name);
// Sets handshake, environment, protocols and launcher of `spec`. kNotFound "unknown_profile".
PLUGRELOAD_EXPORT Status ApplyGoPluginProfile(std::string_view name, PluginSpec& spec);

}  // namespace plugreload

#endif  // PLUGRELOAD_GOPLUGIN_HPP_
