#include "goplugin/inspect.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "goplugin/channel.hpp"
#include "goplugin/wire.hpp"

namespace plugreload::goplugin {
namespace {

constexpr char kDatabaseType[] = "/dbplugin.v5.Database/Type";
constexpr char kBackendSetup[] = "/pb.Backend/Setup";
constexpr char kBackendType[] = "/pb.Backend/Type";
constexpr char kVersion[] = "/logical.PluginVersion/Version";

constexpr Millis kQuestion{10'000};
constexpr Millis kEnd{5'000};
// Plugins on Vault's SDK keep one backend per value.
constexpr char kOnlyInstance[] = "inspect";
// Vault's own way to say that a plugin runs for such questions alone.
const char* const kMetadataMode[] = {"VAULT_PLUGIN_METADATA_MODE=true",
                                     "BAO_PLUGIN_METADATA_MODE=true"};

Status Silent(const char* what, const grpc::Status& status, const StartContext& context) {
  if (context.cancel.stop_requested()) {
    return Status(Code::kCancelled, "cancelled",
                  std::string("cancelled while it was asked for its ") + what);
  }
  const bool late = std::chrono::steady_clock::now() >= context.deadline;
  return Status(late ? Code::kDeadlineExceeded : Code::kUnavailable, "inspect_failed",
                std::string("it does not say its ") + what + ": " + status.error_message());
}

// One plugin that runs, and what it answers.
class Questioned {
 public:
  Questioned(const Connection& connection, const InstanceInfo& info, const StartContext& context)
      : connection_(connection), info_(info), context_(context) {}

  Result<PluginFacts> Ask() {
    PluginFacts facts;
    Result<PluginType> type = Type();
    if (!type.ok()) return type.status();
    facts.type = *type;
    wire::PluginVersion version;
    const grpc::Status status = Call(kVersion, wire::Empty(), version);
    if (!status.ok() && status.error_code() != grpc::StatusCode::UNIMPLEMENTED) {
      return Silent("version", status, context_);
    }
    facts.version = version.version();
    return facts;
  }

 private:
  template <typename Request, typename Answer>
  grpc::Status Call(const char* method, const Request& request, Answer& answer) {
    grpc::ClientContext call;
    call.set_deadline(SystemDeadline(std::min(context_.deadline, After(kQuestion))));
    call.AddMetadata(kMultiplexIdKey, kOnlyInstance);
    const std::stop_callback cancelled(context_.cancel, [&call] { call.TryCancel(); });
    return CallUnary(*connection_.channel, method, call, request, answer);
  }

  Result<PluginType> Type() {
    wire::DatabaseType database;
    const grpc::Status status = Call(kDatabaseType, wire::Empty(), database);
    if (status.ok()) return PluginType::kDatabase;
    if (status.error_code() != grpc::StatusCode::UNIMPLEMENTED) {
      return Silent("type", status, context_);
    }
    return BackendType();
  }

  // A backend exists from its Setup on, which wants a storage of the host to dial. There is none:
  // one that uses it already there gets its error.
  Result<PluginType> BackendType() {
    const std::string nobody = info_.endpoint.starts_with("unix:")
                                   ? info_.endpoint.substr(0, info_.endpoint.rfind('/')) + "/nobody"
                                   : "tcp:127.0.0.1:1";
    wire::BackendSetup setup;
    if (const auto number = connection_.broker->Offer(nobody); number.ok()) {
      setup.set_broker_id(*number);
    }
    setup.set_backend_uuid(kOnlyInstance);
    wire::BackendSetupAnswer made;
    grpc::Status status = Call(kBackendSetup, setup, made);
    if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED) return PluginType::kUnknown;
    wire::BackendType type;
    status = Call(kBackendType, wire::Empty(), type);
    if (!status.ok()) {
      return made.error().empty()
                 ? Silent("type", status, context_)
                 : Status(Code::kUnavailable, "inspect_failed", "its setup fails: " + made.error());
    }
    if (type.type() == 1) return PluginType::kSecret;
    if (type.type() == 2) return PluginType::kAuth;
    return PluginType::kUnknown;
  }

  const Connection& connection_;
  const InstanceInfo& info_;
  const StartContext& context_;
};

Result<PluginFacts> StartAndAsk(const StartFunction& start, const LaunchSpec& spec,
                                const StartContext& context) {
  StartContext quiet = context;
  quiet.on_exit = [](const InstanceExit&) {};
  Result<std::unique_ptr<PluginInstance>> instance = start(spec, quiet);
  if (!instance.ok()) return instance.status();
  const InstanceInfo& info = (*instance)->info();
  Result<PluginFacts> facts = Questioned(*FindConnection(info), info, context).Ask();
  const Deadline end = std::min(After(kEnd), context.deadline);
  [[maybe_unused]] const Status stopped =
      (*instance)->Stop(context.cancel.stop_requested() ? std::chrono::steady_clock::now() : end);
  return facts;
}

// The plugin was there, and did not want this host.
bool IsOfAnotherHost(const Status& status) {
  return status.reason() == "handshake_missing" || status.reason() == "version_unsupported";
}

std::vector<const char*> ProfilesFor(PluginType type) {
  if (type == PluginType::kDatabase) return {"vault_database"};
  if (type != PluginType::kUnknown) return {"vault_backend"};
  return {"vault_database", "vault_backend"};
}

}  // namespace

Result<PluginFacts> Inspect(const StartFunction& start, const LaunchSpec& spec,
                            const StartContext& context) {
  LaunchSpec asked = spec;
  for (const char* entry : kMetadataMode) asked.plugin.env.emplace_back(entry);
  if (spec.plugin.handshake) return StartAndAsk(start, asked, context);
  Status unsupported;  // it knew the cookie: what it says of others would hide the reason
  for (const char* name : ProfilesFor(spec.plugin.ref.type)) {
    LaunchSpec tried = asked;
    GoPluginProfile profile = *FindGoPluginProfile(name);
    tried.handshake = profile.handshake;
    tried.plugin.env.insert(tried.plugin.env.begin(), profile.env.begin(), profile.env.end());
    Result<PluginFacts> facts = StartAndAsk(start, tried, context);
    // One that looks at no cookie is no plugin of Vault yet.
    if (facts.ok() && facts->type == PluginType::kUnknown) break;
    if (facts.ok()) {
      facts->handshake = std::move(profile.handshake);
      facts->env = std::move(profile.env);
      return facts;
    }
    if (!IsOfAnotherHost(facts.status())) return facts;
    if (facts.status().reason() == "version_unsupported") unsupported = facts.status();
  }
  Result<PluginFacts> facts = StartAndAsk(start, asked, context);
  if (!facts.ok() && !unsupported.ok() && IsOfAnotherHost(facts.status())) return unsupported;
  return facts;
}

}  // namespace plugreload::goplugin
