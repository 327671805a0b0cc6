// reload/instance.hpp - a running plugin and what makes two mounts share it.
#ifndef PLUGRELOAD_RELOAD_INSTANCE_HPP_
#define PLUGRELOAD_RELOAD_INSTANCE_HPP_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.hpp"
#include "plugreload/launcher.hpp"
#include "plugreload/reload.hpp"

namespace plugreload::internal {

class Notifier;
class Workers;

// Equal for the mounts that may share a process: type, name, version, how it runs, and the circle
// that its sharing allows (the mount, the namespace, or the node).
std::string ProcessKey(const PluginSpec& spec, const MountEntry& mount);

// The two parts of it: what is the same for all mounts of a plugin that runs like this, and the
// circle of a mount.
std::string ProcessKeyBase(const PluginSpec& spec);
std::string_view ProcessCircle(const PluginSpec& spec, const MountEntry& mount);
std::string ProcessKey(std::string_view base, std::string_view circle);

// "secret/kv v2.0.0", as events tell it.
std::string PluginTitle(const PluginRef& ref);

// Where instances are stopped, off the threads that drop them.
struct Retirer {
  Workers* workers = nullptr;
  Notifier* notifier = nullptr;
};

// What is known of an instance for longer than it lives.
struct InstanceFacts {
  LaunchSpec spec;
  InstanceInfo info;  // constant once the instance is shared
};

// A ready instance. Everything that uses it holds a shared_ptr: generations, and starts that have
// not been committed. When the last one goes, it is retired: what the host attached is dropped,
// then it is stopped by a worker.
//
// Thread safety: safe for concurrent use.
class Instance {
 public:
  Instance(LaunchSpec spec, std::string key, std::uint64_t start_number, Retirer retirer);
  ~Instance();
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;

  // The two steps of a start; before the instance is shared.
  void SetRunning(std::unique_ptr<PluginInstance> running);
  void SetAttached(std::shared_ptr<void> attached);

  const std::shared_ptr<const InstanceFacts>& facts() const { return facts_; }
  const LaunchSpec& spec() const { return facts_->spec; }
  const std::string& name() const { return facts_->spec.instance; }
  const std::string& key() const { return key_; }
  // Starts are numbered as they begin; a reload joins only those that began after its request.
  std::uint64_t start_number() const { return start_number_; }
  const InstanceInfo& info() const { return facts_->info; }
  void* attached() const;

  // It ended by itself.
  void MarkDead() { dead_.store(true); }
  bool dead() const { return dead_.load(); }

  // Called once, when the instance has been stopped: the outcome and how long that took.
  using Retired = std::function<void(const Status&, Millis)>;
  void OnRetired(Retired callback);

  // Stops it now, under whoever still uses it. Blocks as PluginInstance::Stop.
  Status StopNow();

 private:
  struct Stopping;  // what outlives the instance until it is stopped

  std::shared_ptr<const InstanceFacts> facts_;
  const std::string key_;
  const std::uint64_t start_number_;
  const Retirer retirer_;
  std::shared_ptr<Stopping> stopping_;
  std::atomic<bool> dead_{false};
};

// The longest that stopping an instance of this plugin may take.
Millis StopBudget(const PluginTimeouts& timeouts);

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_RELOAD_INSTANCE_HPP_
