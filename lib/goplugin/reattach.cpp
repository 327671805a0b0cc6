#include <arpa/inet.h>
#include <rapidjson/document.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>
#include <utility>

#include "goplugin/channel.hpp"
#include "goplugin/core.hpp"
#include "goplugin/health.hpp"
#include "goplugin/instance.hpp"

namespace plugreload {
namespace goplugin {
namespace {

// When the process started, in ticks since boot; empty: there is none of this number. Together with
// the number it names one process for good.
std::string StartTime(std::int64_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::size_t name_end = text.rfind(')');  // a name may hold anything
  if (name_end == std::string::npos) return {};
  std::istringstream fields(text.substr(name_end + 1));
  constexpr int kStartTime = 20;  // counted from the state, which is the first behind the name
  std::string field;
  for (int i = 0; i < kStartTime && fields >> field; ++i) {
    if (i == 0 && (field == "Z" || field == "X")) return {};
  }
  return fields ? field : std::string();
}

Status Gone(const GoPluginReattach& plugin) {
  return Status(
      Code::kUnavailable, "process_gone",
      "process " + std::to_string(plugin.pid) + " is no longer the plugin that was given");
}

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
  explicit AdoptedProcess(const GoPluginReattach& plugin) {
    info_.endpoint = plugin.endpoint;
    info_.protocol = "grpc";
    info_.protocol_version = plugin.protocol_version;
    info_.pid = plugin.pid;
  }
  const InstanceInfo& info() const override { return info_; }
  Status Stop(Deadline) override { return {}; }

 private:
  InstanceInfo info_;
};

class ReattachLauncher : public Launcher {
 public:
  ReattachLauncher(std::shared_ptr<Core> core, GoPluginReattach plugin, std::string start_time)
      : core_(std::move(core)), plugin_(std::move(plugin)), start_time_(std::move(start_time)) {}

  Result<std::unique_ptr<PluginInstance>> Start(const LaunchSpec& spec,
                                                const StartContext& context) override {
    const std::vector<int>& versions = spec.handshake.protocol_versions;
    if (std::find(versions.begin(), versions.end(), plugin_.protocol_version) == versions.end()) {
      return Status(Code::kFailedPrecondition, "version_unsupported",
                    "the running plugin speaks application protocol version " +
                        std::to_string(plugin_.protocol_version) + ", which is not offered");
    }
    if (Status status = CheckOwner(plugin_); !status.ok()) return status;
    // Behind the socket: a number that was given to another process meanwhile shows.
    if (StartTime(plugin_.pid) != start_time_) return Gone(plugin_);
    auto process = std::make_unique<AdoptedProcess>(plugin_);
    Result<Connection> connection =
        Connect(process->info(), nullptr, core_->options.max_message_bytes);
    if (!connection.ok()) return connection.status();
    const auto gate = std::make_shared<ExitGate>();
    if (Status status = WaitServing(*connection->channel, *core_->pulse, context.deadline,
                                    context.cancel, *gate);
        !status.ok()) {
      return status;
    }
    auto instance = std::make_unique<GoPluginInstance>(core_, std::move(process), gate,
                                                       *std::move(connection), spec, nullptr);
    instance->Begin(context.on_exit);
    return std::unique_ptr<PluginInstance>(std::move(instance));
  }

 private:
  const std::shared_ptr<Core> core_;
  const GoPluginReattach plugin_;
  const std::string start_time_;
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
  const std::string start_time = goplugin::StartTime(plugin.pid);
  if (start_time.empty()) return goplugin::Gone(plugin);
  const auto core = std::make_shared<goplugin::Core>();
  core->options = std::move(options);
  try {
    core->messenger = std::make_shared<goplugin::Messenger>(core->options.process.log);
    core->pulse = std::make_shared<goplugin::Pulse>();
  } catch (const std::system_error& error) {
    return Status(Code::kResourceExhausted, "threads",
                  std::string("cannot start the launcher's threads: ") + error.what());
  }
  return std::shared_ptr<Launcher>(
      std::make_shared<goplugin::ReattachLauncher>(core, std::move(plugin), start_time));
}

}  // namespace plugreload
