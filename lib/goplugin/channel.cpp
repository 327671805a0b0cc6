#include "goplugin/channel.hpp"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <cctype>
#include <limits>
#include <string_view>
#include <utility>

#include "goplugin/wire.hpp"

namespace plugreload::goplugin {
namespace {

constexpr std::string_view kTcp = "tcp:";
constexpr std::string_view kUnix = "unix:";
constexpr char kServerName[] = "localhost";
constexpr Millis kMultiplexingPatience{2'000};
constexpr int kFirstReconnectMs = 100;
constexpr int kLastReconnectMs = 1'000;

bool IsTcp(const std::string& endpoint) { return endpoint.compare(0, kTcp.size(), kTcp) == 0; }

// For gRPC a target is a URI: it would cut the path at '#' or '?', decode its '%', and so dial
// another socket than the one whose owner was checked.
std::string UnixTarget(std::string_view path) {
  std::string target(kUnix);
  for (const char c : path) {
    constexpr std::string_view kPlain = "/-._~";
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || kPlain.find(c) != std::string_view::npos) {
      target += c;
      continue;
    }
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    target += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return target;
}

// "unix:/path" and "tcp:[::1]:1234" as gRPC spells them.
std::string Target(const std::string& endpoint) {
  if (!IsTcp(endpoint)) return UnixTarget(std::string_view(endpoint).substr(kUnix.size()));
  const std::string address = endpoint.substr(kTcp.size());
  return (address.front() == '[' ? "ipv6:" : "ipv4:") + address;
}

// Each argument costs every start some microseconds, so none says what is so without it.
grpc::ChannelArguments Arguments(bool tls, bool tcp, std::size_t max_message_bytes) {
  constexpr std::size_t kLimit = std::numeric_limits<int>::max();
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(static_cast<int>(std::min(max_message_bytes, kLimit)));
  // A request is never sent twice behind the caller's back.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // A connection belongs to one instance and ends with it, however long nobody calls.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_CLIENT_IDLE_TIMEOUT_MS, std::numeric_limits<int>::max());
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirstReconnectMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kLastReconnectMs);
  // Proxies of the environment have no say in who the plugin is.
  if (tcp) arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  if (tls) {
    arguments.SetSslTargetNameOverride(kServerName);
  } else {
    // A socket's path is no name that servers accept.
    arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, kServerName);
  }
  return arguments;
}

Connection WithServices(Connection connection) {
  connection.multiplexing = std::make_shared<Multiplexing>(connection.channel);
  connection.broker = std::make_shared<Broker>(connection.channel);
  return connection;
}

}  // namespace

const char kConnectionKind = 0;

Result<bool> Multiplexing::supported() {
  if (const Known known = known_; known != Known::kNothing) return known == Known::kYes;
  grpc::ClientContext context;
  context.set_deadline(SystemDeadline(After(kMultiplexingPatience)));
  wire::MultiplexingAnswer answer;
  const grpc::Status status = CallUnary(*channel_, kMultiplexing, context, wire::Empty(), answer);
  if (!status.ok() && status.error_code() != grpc::StatusCode::UNIMPLEMENTED) {
    return Status(Code::kUnavailable, "no_answer",
                  "the plugin does not say whether it multiplexes: " + status.error_message());
  }
  const bool supported = status.ok() && answer.supported();
  known_ = supported ? Known::kYes : Known::kNo;
  return supported;
}

const Connection* FindConnection(const InstanceInfo& info) {
  if (info.object_kind != &kConnectionKind) return nullptr;
  return static_cast<const Connection*>(info.object);
}

Result<Connection> Connect(const InstanceInfo& info, const Identity* identity,
                           std::size_t max_message_bytes) {
  Connection connection;
  connection.endpoint.target = Target(info.endpoint);
  const bool tcp = IsTcp(info.endpoint);
  if (identity == nullptr) {
    if (!info.certificate.empty()) {
      return Status(Code::kFailedPrecondition, "certificate_unexpected",
                    "it speaks TLS with a certificate of its own although none was asked for: "
                    "start it with the launcher that offers AutoMTLS");
    }
    connection.channel =
        grpc::CreateCustomChannel(connection.endpoint.target, grpc::InsecureChannelCredentials(),
                                  Arguments(false, tcp, max_message_bytes));
    return WithServices(std::move(connection));
  }
  if (info.certificate.empty()) {
    return Status(Code::kFailedPrecondition, "certificate_missing",
                  "it was offered TLS (PLUGIN_CLIENT_CERT) but its handshake line has no "
                  "certificate, so it would be spoken to in the clear; plugins of Vault need "
                  "VAULT_PLUGIN_AUTOMTLS_ENABLED=true, others a launcher without TLS");
  }
  Result<std::string> root = CertificatePem(info.certificate);
  if (!root.ok()) return root.status();
  connection.endpoint.server_name = kServerName;
  connection.endpoint.root_pem = *std::move(root);
  connection.endpoint.certificate_pem = identity->certificate_pem;
  connection.endpoint.private_key_pem = identity->key_pem;
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = connection.endpoint.root_pem;
  tls.pem_cert_chain = identity->certificate_pem;
  tls.pem_private_key = identity->key_pem;
  connection.channel =
      grpc::CreateCustomChannel(connection.endpoint.target, grpc::SslCredentials(tls),
                                Arguments(true, tcp, max_message_bytes));
  return WithServices(std::move(connection));
}

}  // namespace plugreload::goplugin
