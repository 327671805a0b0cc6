#include <arpa/inet.h>
#include <rapidjson/document.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "goplugin/adopted.hpp"
#include "goplugin/channel.hpp"
#include "goplugin/core.hpp"
#include "goplugin/health.hpp"
#include "goplugin/instance.hpp"

namespace plugreload {
namespace goplugin {
namespace {

// Who bound the socket. Of TCP that cannot be told.
Status CheckOwner(const GoPluginReattach& plugin) {
  constexpr std::string_view kUnix = "unix:";
  if (plugin.endpoint.compare(0, kUnix.size(), kUnix) != 0) return {};
  const std::string path = plugin.endpoint.substr(kUnix.size());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return Status(Code::kInvalidArgument, "invalid_reattach", "\"" + path + "\" is no socket path");
  }
  path.copy(address.sun_path, path.size());
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  ucred peer{};
  socklen_t size = sizeof(peer);
  const bool known =
      socket >= 0 &&
      connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 &&
      getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0;
  const std::string error = std::generic_category().message(errno);
  if (socket >= 0) close(socket);
  if (!known) {
    return Status(Code::kUnavailable, "endpoint_unreachable",
                  "connecting to " + plugin.endpoint + " fails: " + error);
  }
  if (peer.pid == plugin.pid) return {};
  return Status(Code::kPermissionDenied, "peer_mismatch",
                "the socket " + plugin.endpoint + " belongs to process " +
                    std::to_string(peer.pid) + ", not to " + std::to_string(plugin.pid));
}

// A process that is not ours: nothing to stop.
class AdoptedProcess : public PluginInstance {
 public:
  AdoptedProcess(const GoPluginReattach& plugin, std::shared_ptr<Adopted> adopted)
      : adopted_(std::move(adopted)) {
    info_.endpoint = plugin.endpoint;
    info_.protocol = "grpc";
    info_.protocol_version = plugin.protocol_version;
    info_.pid = plugin.pid;
  }
  const InstanceInfo& info() const override { return info_; }
  Status Stop(Deadline) override { return {}; }

 private:
  const std::shared_ptr<Adopted> adopted_;  // watched as long as somebody wants to know
  InstanceInfo info_;
};

class ReattachLauncher : public Launcher {
 public:
  ReattachLauncher(std::shared_ptr<Core> core, GoPluginReattach plugin,
                   std::shared_ptr<Adopted> adopted)
      : core_(std::move(core)), plugin_(std::move(plugin)), adopted_(std::move(adopted)) {}

  Result<std::unique_ptr<PluginInstance>> Start(const LaunchSpec& spec,
                                                const StartContext& context) override {
    const std::vector<int>& versions = spec.handshake.protocol_versions;
    if (std::find(versions.begin(), versions.end(), plugin_.protocol_version) == versions.end()) {
      return Status(Code::kFailedPrecondition, "version_unsupported",
                    "the running plugin speaks application protocol version " +
                        std::to_string(plugin_.protocol_version) + ", which is not offered");
    }
    if (Status status = CheckOwner(plugin_); !status.ok()) return status;
    // Behind the socket, whose owner may be another process of the same number.
    if (adopted_->gone()) return adopted_->GoneStatus();
    auto process = std::make_unique<AdoptedProcess>(plugin_, adopted_);
    Result<Connection> connection =
        Connect(process->info(), nullptr, core_->options.max_message_bytes);
    if (!connection.ok()) return connection.status();
    const auto gate = std::make_shared<ExitGate>();
    adopted_->Tell(gate);
    if (Status status = WaitServing(*connection->channel, *core_->pulse, context.deadline,
                                    context.cancel, *gate);
        !status.ok()) {
      return status;
    }
    auto instance = std::make_unique<GoPluginInstance>(core_, std::move(process), gate,
                                                       *std::move(connection), spec, nullptr);
    if (!instance->Begin(context.on_exit)) return adopted_->GoneStatus();
    return std::unique_ptr<PluginInstance>(std::move(instance));
  }

 private:
  const std::shared_ptr<Core> core_;
  const GoPluginReattach plugin_;
  const std::shared_ptr<Adopted> adopted_;
};

}  // namespace
}  // namespace goplugin

Result<GoPluginReattach> ParseGoPluginReattach(std::string_view json) {
  const Status invalid(Code::kInvalidArgument, "invalid_reattach",
                       "not go-plugin's reattach form: Protocol \"grpc\", ProtocolVersion, Pid and "
                       "Addr with Network and String");
  rapidjson::Document document;
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag;
  document.Parse<kFlags>(json.data(), json.size());
  if (document.HasParseError() || !document.IsObject()) return invalid;
  const auto member = [](const rapidjson::Value& object, const char* name) {
    const auto found = object.FindMember(name);
    return found == object.MemberEnd() ? nullptr : &found->value;
  };
  const rapidjson::Value* protocol = member(document, "Protocol");
  const rapidjson::Value* version = member(document, "ProtocolVersion");
  const rapidjson::Value* pid = member(document, "Pid");
  const rapidjson::Value* address = member(document, "Addr");
  if (protocol == nullptr || !protocol->IsString() || version == nullptr || !version->IsInt() ||
      pid == nullptr || !pid->IsInt() || address == nullptr || !address->IsObject() ||
      std::string_view(protocol->GetString()) != "grpc") {
    return invalid;
  }
  const rapidjson::Value* network = member(*address, "Network");
  const rapidjson::Value* text = member(*address, "String");
  if (network == nullptr || !network->IsString() || text == nullptr || !text->IsString()) {
    return invalid;
  }
  GoPluginReattach plugin;
  plugin.endpoint = std::string(network->GetString()) + ":" + text->GetString();
  plugin.protocol_version = version->GetInt();
  plugin.pid = pid->GetInt();
  return plugin;
}

Result<std::shared_ptr<Launcher>> NewGoPluginReattachLauncher(GoPluginReattach plugin,
                                                              GoPluginLauncherOptions options) {
  const auto core = std::make_shared<goplugin::Core>();
  core->options = std::move(options);
  try {
    core->messenger = std::make_shared<goplugin::Messenger>(core->options.process.log);
    core->pulse = std::make_shared<goplugin::Pulse>();
  } catch (const std::system_error& error) {
    return Status(Code::kResourceExhausted, "threads",
                  std::string("cannot start the launcher's threads: ") + error.what());
  }
  auto adopted = goplugin::Adopted::Hold(plugin.pid, core->messenger);
  if (!adopted.ok()) return adopted.status();
  return std::shared_ptr<Launcher>(
      std::make_shared<goplugin::ReattachLauncher>(core, std::move(plugin), *std::move(adopted)));
}

}  // namespace plugreload
