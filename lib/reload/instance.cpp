#include "reload/instance.hpp"

#include <fmt/format.h>

#include <exception>
#include <utility>

#include "base/callback_scope.hpp"
#include "base/notifier.hpp"
#include "base/workers.hpp"

namespace plugreload::internal {
namespace {

// Length-prefixed, so that no two lists of strings give the same text.
void Append(std::string& key, std::string_view part) {
  key += fmt::format("{}:{}", part.size(), part);
}

}  // namespace

std::string PluginTitle(const PluginRef& ref) {
  return fmt::format("{}/{}{}{}", PluginTypeName(ref.type), ref.name,
                     ref.version.empty() ? "" : " ", ref.version);
}

std::string ProcessKeyBase(const PluginSpec& spec) {
  std::string key;
  Append(key, PluginTypeName(spec.ref.type));
  for (const std::string* part :
       {&spec.ref.name, &spec.ref.version, &spec.launcher, &spec.command, &spec.sha256}) {
    Append(key, *part);
  }
  Append(key, ImageName(spec.image));
  for (const auto* list : {&spec.args, &spec.env, &spec.protocols}) {
    Append(key, std::to_string(list->size()));
    for (const std::string& part : *list) Append(key, part);
  }
  Append(key, SharingName(spec.sharing));
  return key;
}

std::string_view ProcessCircle(const PluginSpec& spec, const MountEntry& mount) {
  if (spec.sharing == Sharing::kMount) return mount.accessor;
  return spec.sharing == Sharing::kNamespace ? std::string_view(mount.ns) : std::string_view();
}

std::string ProcessKey(std::string_view base, std::string_view circle) {
  std::string key(base);
  Append(key, circle);
  return key;
}

std::string ProcessKey(const PluginSpec& spec, const MountEntry& mount) {
  return ProcessKey(ProcessKeyBase(spec), ProcessCircle(spec, mount));
}

Millis StopBudget(const PluginTimeouts& timeouts) {
  // A second for reaping, pipes and the directory.
  return timeouts.graceful + timeouts.terminate + timeouts.kill + Millis(1000);
}

struct Instance::Stopping {
  std::string name;
  std::string plugin;
  Millis budget{0};
  Notifier* notifier = nullptr;
  std::unique_ptr<PluginInstance> running;
  std::shared_ptr<void> attached;
  Mutex mutex;
  std::vector<Retired> callbacks PLUGRELOAD_GUARDED_BY(mutex);

  Status Stop() {
    try {
      const CallbackScope scope;
      return running->Stop(After(budget));
    } catch (const std::exception& error) {
      return Status(Code::kInternal, "stop_threw",
                    fmt::format("stopping {} threw an exception: {}", name, error.what()));
    } catch (...) {
      return Status(Code::kInternal, "stop_threw",
                    fmt::format("stopping {} threw an exception", name));
    }
  }

  void Retire() {
    {
      const CallbackScope scope;
      attached.reset();
    }
    const auto begin = std::chrono::steady_clock::now();
    const Status status = running == nullptr ? Status() : Stop();
    running.reset();
    const auto took = std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - begin);
    if (!status.ok()) notifier->Log(LogLevel::kError, name, status.ToString());
    Event event;
    event.kind = EventKind::kInstanceStopped;
    event.instance = name;
    event.plugin = plugin;
    event.message = status.ok() ? "" : status.ToString();
    notifier->Emit(std::move(event));
    std::vector<Retired> waiting;
    {
      const MutexLock lock(mutex);
      waiting.swap(callbacks);
    }
    for (const Retired& callback : waiting) callback(status, took);
  }
};

Instance::Instance(LaunchSpec spec, std::string key, std::uint64_t start_number, Retirer retirer)
    : facts_(std::make_shared<InstanceFacts>(InstanceFacts{std::move(spec), {}})),
      key_(std::move(key)),
      start_number_(start_number),
      retirer_(retirer),
      stopping_(std::make_shared<Stopping>()) {
  stopping_->name = name();
  stopping_->plugin = PluginTitle(this->spec().plugin.ref);
  stopping_->budget = StopBudget(this->spec().plugin.timeouts);
  stopping_->notifier = retirer_.notifier;
}

void Instance::SetRunning(std::unique_ptr<PluginInstance> running) {
  facts_ = std::make_shared<InstanceFacts>(InstanceFacts{facts_->spec, running->info()});
  stopping_->running = std::move(running);
}

void Instance::SetAttached(std::shared_ptr<void> attached) {
  stopping_->attached = std::move(attached);
}

Instance::~Instance() {
  if (stopping_->running == nullptr) return;  // never completed its start
  // The host's object goes through the worker too: its destructor is the host's code, and the
  // thread that drops the last reference may hold a lock.
  if (!retirer_.workers->Post([stopping = stopping_] { stopping->Retire(); })) stopping_->Retire();
}

void Instance::OnRetired(Retired callback) {
  const MutexLock lock(stopping_->mutex);
  stopping_->callbacks.push_back(std::move(callback));
}

void* Instance::attached() const { return stopping_->attached.get(); }

Status Instance::StopNow() { return stopping_->Stop(); }

}  // namespace plugreload::internal
