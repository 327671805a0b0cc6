#include "plugreload/runtime.hpp"

#include <fmt/format.h>

#include <system_error>
#include <utility>

#include "base/callback_scope.hpp"
#include "base/fork_guard.hpp"
#include "base/notifier.hpp"
#include "cluster/cluster.hpp"
#include "dispatch/dispatcher.hpp"
#include "dispatch/metrics.hpp"
#include "dispatch/respond.hpp"
#include "namespaces/tree.hpp"
#include "registry/catalog.hpp"
#include "reload/engine.hpp"
#include "runtime/guarded_host.hpp"
#include "state/applier.hpp"

namespace plugreload {
namespace {

constexpr Millis kOpenTimeout{30'000};
constexpr Millis kDestroyTimeout{30'000};
constexpr Millis kFlushTimeout{2'000};

Status Invalid(std::string_view option, std::string_view why) {
  return Status(Code::kInvalidArgument, "invalid_option", fmt::format("{} {}", option, why));
}

Status Check(const RuntimeOptions& options) {
  if (options.node.empty() || options.node.size() > 256) {
    return Invalid("node", "must have 1 to 256 bytes");
  }
  if (!options.plugin_directory.empty() && !options.plugin_directory.starts_with('/')) {
    return Invalid("plugin_directory", "must be an absolute path");
  }
  if (options.max_concurrent_starts == 0) return Invalid("max_concurrent_starts", "is 0");
  if (options.member_ttl <= Millis(0)) return Invalid("member_ttl", "must be above 0");
  if (options.global_history == 0) return Invalid("global_history", "is 0");
  if (options.max_concurrent_reloads == 0) return Invalid("max_concurrent_reloads", "is 0");
  if (options.restart.first < Millis(0) || options.restart.max < options.restart.first) {
    return Invalid("restart", "needs 0 <= first <= max");
  }
  for (const auto& [name, launcher] : options.launchers) {
    if (name.empty() || launcher == nullptr) return Invalid("launchers", "has an empty entry");
  }
  return {};
}

}  // namespace

struct Runtime::Parts {
  const internal::ForkGuard fork_guard;
  RuntimeOptions options;
  std::shared_ptr<internal::Notifier> notifier;
  std::shared_ptr<internal::Catalog> catalog;
  std::shared_ptr<internal::Engine> engine;
  std::shared_ptr<internal::Tree> tree;
  std::unique_ptr<internal::Cluster> cluster;  // null: the store is nobody else's
  std::unique_ptr<internal::Applier> applier;
  std::unique_ptr<PluginRegistry> registry;
  std::unique_ptr<NamespaceTree> namespaces;
  std::unique_ptr<ReloadCoordinator> reloads;
  std::unique_ptr<internal::Dispatcher> dispatcher;
};

Result<std::unique_ptr<Runtime>> Runtime::Create(RuntimeOptions options) try {
  if (Status status = Check(options); !status.ok()) return status;
  auto parts = std::make_unique<Parts>();
  const bool shared = options.store != nullptr;
  if (!shared) options.store = NewMemoryStore();
  const bool told = options.host != nullptr;
  options.host = std::make_shared<internal::GuardedHost>(
      options.host == nullptr ? std::make_shared<Host>() : std::move(options.host));
  parts->notifier = std::make_shared<internal::Notifier>(told ? options.host : nullptr,
                                                         options.max_notifications);
  if (!options.launchers.contains("process")) {
    options.process.log = [notifier = parts->notifier](const LogRecord& record) {
      notifier->Log(record.level, record.instance, record.message);
    };
    Result<std::shared_ptr<Launcher>> process = NewProcessLauncher(options.process);
    if (!process.ok()) return process.status();
    options.launchers["process"] = *std::move(process);
  }
  internal::CatalogOptions catalog;
  catalog.plugin_directory = options.plugin_directory;
  catalog.allow_unhashed = options.allow_unhashed;
  for (const auto& [name, launcher] : options.launchers) catalog.launchers.insert(name);

  parts->catalog = internal::Catalog::Create(std::move(catalog));
  parts->engine = std::make_shared<internal::Engine>(options, parts->catalog, parts->notifier);
  parts->tree = internal::Tree::Create(parts->engine->domain());
  parts->tree->Observe(parts->engine.get());
  parts->engine->Observe(parts->tree);
  // The catalog first: the tree's mounts are resolved in it as they appear.
  std::vector<internal::StateImage*> images = {parts->catalog.get(), parts->tree.get()};
  if (shared) {
    parts->cluster =
        std::make_unique<internal::Cluster>(options, parts->engine.get(), parts->catalog.get());
    images.push_back(parts->cluster.get());
  }
  auto applier = internal::Applier::Open(options.store, std::move(images), After(kOpenTimeout));
  if (!applier.ok()) return applier.status();
  parts->applier = *std::move(applier);
  parts->catalog->Bind(parts->applier.get());
  parts->tree->Bind(parts->applier.get());
  parts->engine->Bind(parts->applier.get());
  if (parts->cluster != nullptr) {
    parts->engine->Bind(parts->cluster.get());
    if (Status status = parts->cluster->Start(parts->applier.get()); !status.ok()) return status;
  }

  parts->registry = std::make_unique<PluginRegistry>(parts->catalog);
  parts->namespaces = std::make_unique<NamespaceTree>(parts->tree);
  parts->reloads = std::make_unique<ReloadCoordinator>(parts->engine);
  parts->dispatcher =
      internal::Dispatcher::Create(options, *options.host, *parts->registry, *parts->namespaces,
                                   *parts->reloads, *parts->engine, parts->notifier->meters());
  parts->options = std::move(options);
  return std::unique_ptr<Runtime>(new Runtime(std::move(parts)));
} catch (const std::system_error& error) {
  return Status(Code::kResourceExhausted, "threads",
                fmt::format("cannot start the runtime's threads: {}", error.what()));
}

Runtime::Runtime(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Runtime::~Runtime() {
  if (parts_->fork_guard.forked()) {
    (void)parts_.release();
    return;
  }
  if (parts_->cluster != nullptr) parts_->cluster->Stop();
  const Status closed = parts_->engine->Close(After(kDestroyTimeout));
  parts_->applier.reset();
  parts_->dispatcher.reset();
  if (!closed.ok()) {
    // Leases, or callbacks that have not returned, still point into it: the memory stays, the
    // instances do not.
    parts_->engine->StopLeased();
    (void)parts_.release();
    return;
  }
  parts_->reloads.reset();
  parts_->registry.reset();
  parts_->namespaces.reset();
  // Slots and leases first, then the launchers with their children's last words, then who tells
  // the host about them.
  const std::shared_ptr<internal::Notifier> notifier = parts_->notifier;
  parts_.reset();
  notifier->Close(After(kFlushTimeout));
}

PluginRegistry& Runtime::registry() { return *parts_->registry; }
NamespaceTree& Runtime::namespaces() { return *parts_->namespaces; }
ReloadCoordinator& Runtime::reloads() { return *parts_->reloads; }

Response Runtime::Dispatch(const Request& request) {
  if (const Status status = parts_->fork_guard.Check("Dispatch"); !status.ok()) {
    return internal::ToResponse(internal::FromStatus(status), "");
  }
  return parts_->dispatcher->Handle(request);
}

std::string Runtime::Metrics() const {
  return internal::PrometheusText(
      internal::CollectMetrics(*parts_->engine, parts_->notifier->meters()));
}

Status Runtime::WaitReady(Deadline deadline) { return parts_->engine->WaitReady(deadline); }

Status Runtime::Close(Deadline deadline) {
  if (Status status = parts_->fork_guard.Check("Close"); !status.ok()) return status;
  if (Status status = internal::RefuseInCallback("Close"); !status.ok()) return status;
  if (parts_->cluster != nullptr) parts_->cluster->Stop();
  return parts_->engine->Close(deadline);
}

}  // namespace plugreload
