// scenario/fake_plugin.hpp - plugins that are objects of this process, with a switch for each thing
// that can go wrong with one.
#ifndef PLUGRELOAD_TESTS_SCENARIO_FAKE_PLUGIN_HPP_
#define PLUGRELOAD_TESTS_SCENARIO_FAKE_PLUGIN_HPP_

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "plugreload/launcher.hpp"
#include "plugreload/status.hpp"
#include "plugreload/types.hpp"

namespace plugreload::test {

// Bounds what must happen, so that a test that fails ends. Never the time something takes.
inline constexpr Millis kSoon{20'000};

// One thing that happened to an instance, in the order it happened.
struct Happening {
  std::string what;  // start, ready, failed, cancelled, stop, destroyed
  std::string version;
  std::string mount;  // namespace and path
  std::uint64_t serial = 0;
};

class FakeObject;

// Makes the objects, keeps the journal. Outlives every runtime that uses launcher().
//
// `where` selects starts: "v2.0.0", "v2.0.0@team/kv/", "@team/kv/", or "" for all.
class FakePlugins {
 public:
  struct Behaviour {
    std::optional<Status> fail;  // starts end with this
    bool hold = false;           // starts wait until Heal, a cancel or their deadline
    bool deaf = false;           // held starts hear neither cancel nor deadline
    bool throws = false;
    bool hold_stop = false;  // stops wait until Heal or their deadline
  };

  FakePlugins() : state_(std::make_shared<State>()) {}
  ~FakePlugins() { HealAll(); }
  FakePlugins(const FakePlugins&) = delete;
  FakePlugins& operator=(const FakePlugins&) = delete;

  std::shared_ptr<Launcher> launcher();

  void Set(const std::string& where, Behaviour behaviour) {
    const std::lock_guard lock(state_->mutex);
    state_->behaviours[where] = std::move(behaviour);
    state_->changed.notify_all();
  }
  void Fail(const std::string& where, const std::string& reason = "boom") {
    Set(where, {.fail = Status(Code::kUnavailable, reason, "the plugin does not want to")});
  }
  void Hold(const std::string& where) { Set(where, {.fail = {}, .hold = true}); }
  void HoldDeaf(const std::string& where) { Set(where, {.fail = {}, .hold = true, .deaf = true}); }
  void HoldStop(const std::string& where) { Set(where, {.fail = {}, .hold_stop = true}); }
  void Throw(const std::string& where) { Set(where, {.fail = {}, .throws = true}); }
  void Heal(const std::string& where) {
    const std::lock_guard lock(state_->mutex);
    state_->behaviours.erase(where);
    state_->changed.notify_all();
  }
  void HealAll() {
    const std::lock_guard lock(state_->mutex);
    state_->behaviours.clear();
    state_->changed.notify_all();
  }

  std::vector<Happening> journal() const {
    const std::lock_guard lock(state_->mutex);
    return state_->journal;
  }
  std::size_t Count(const std::string& what, const std::string& where = "") const {
    const std::lock_guard lock(state_->mutex);
    return state_->Count(what, where);
  }
  // Waits until `what` happened `count` times in all.
  [[nodiscard]] bool WaitFor(const std::string& what, const std::string& where,
                             std::size_t count) const {
    std::unique_lock lock(state_->mutex);
    return state_->changed.wait_for(lock, kSoon,
                                    [&] { return state_->Count(what, where) >= count; });
  }
  // Waits until `count` objects are left.
  [[nodiscard]] bool WaitLive(std::size_t count) const {
    std::unique_lock lock(state_->mutex);
    return state_->changed.wait_for(lock, kSoon, [&] { return state_->live == count; });
  }
  std::size_t live() const {
    const std::lock_guard lock(state_->mutex);
    return state_->live;
  }
  // Made and not stopped.
  std::size_t running() const { return Count("ready") - Count("stop"); }
  // Objects that were used while stopped, or stopped twice: each one is a bug of the engine.
  std::size_t violations() const { return state_->violations.load(); }

  // The instance with this serial ends by itself. False when it is not there.
  bool Kill(std::uint64_t serial);

 private:
  friend class FakeObject;

  struct State {
    mutable std::mutex mutex;
    std::condition_variable_any changed;
    std::map<std::string, Behaviour> behaviours;
    std::vector<Happening> journal;
    std::map<std::uint64_t, std::weak_ptr<FakeObject>> objects;
    std::size_t live = 0;
    std::uint64_t serial = 0;
    std::atomic<std::size_t> violations{0};

    static bool Matches(const std::string& where, const std::string& version,
                        const std::string& mount) {
      const std::size_t at = where.find('@');
      if (at == std::string::npos) return where.empty() || where == version;
      return (at == 0 || where.substr(0, at) == version) && where.substr(at + 1) == mount;
    }
    std::size_t Count(const std::string& what, const std::string& where) const {
      return static_cast<std::size_t>(
          std::count_if(journal.begin(), journal.end(), [&](const Happening& happening) {
            return happening.what == what && Matches(where, happening.version, happening.mount);
          }));
    }
    Behaviour Find(const std::string& version, const std::string& mount) const {
      Behaviour found;
      for (const auto& [where, behaviour] : behaviours) {
        if (Matches(where, version, mount)) found = behaviour;
      }
      return found;
    }
    void Note(const std::string& what, const LaunchSpec& spec, std::uint64_t number) {
      journal.push_back({what, spec.plugin.ref.version, spec.mount.ns + spec.mount.path, number});
      changed.notify_all();
    }
  };

  static Result<std::shared_ptr<void>> Start(const std::shared_ptr<State>& state,
                                             const LaunchSpec& spec, const StartContext& context);
  static Status Stop(const std::shared_ptr<State>& state, FakeObject& object, Deadline deadline);

  std::shared_ptr<State> state_;
};

// One instance.
class FakeObject {
 public:
  FakeObject(std::shared_ptr<FakePlugins::State> state, LaunchSpec spec, std::uint64_t serial,
             std::function<void(const InstanceExit&)> on_exit)
      : state_(std::move(state)),
        spec_(std::move(spec)),
        serial_(serial),
        on_exit_(std::move(on_exit)) {}
  ~FakeObject() {
    const std::lock_guard lock(state_->mutex);
    if (!stopped_.load()) ++state_->violations;
    --state_->live;
    state_->Note("destroyed", spec_, serial_);
  }
  FakeObject(const FakeObject&) = delete;
  FakeObject& operator=(const FakeObject&) = delete;

  std::uint64_t serial() const { return serial_; }
  const LaunchSpec& spec() const { return spec_; }
  const std::string& version() const { return spec_.plugin.ref.version; }
  bool stopped() const { return stopped_.load(); }
  // What a request does with it. False, and a violation, when it is stopped already.
  bool Serve() {
    served_.fetch_add(1, std::memory_order_relaxed);
    if (!stopped_.load()) return true;
    ++state_->violations;
    return false;
  }
  std::uint64_t served() const { return served_.load(); }

 private:
  friend class FakePlugins;
  std::shared_ptr<FakePlugins::State> state_;
  const LaunchSpec spec_;
  const std::uint64_t serial_;
  const std::function<void(const InstanceExit&)> on_exit_;
  std::atomic<bool> stopped_{false};
  std::atomic<std::uint64_t> served_{0};
};

inline std::shared_ptr<Launcher> FakePlugins::launcher() {
  return NewCallbackLauncher(
      {.start = [state = state_](
                    const LaunchSpec& spec,
                    const StartContext& context) { return Start(state, spec, context); },
       .stop =
           [state = state_](const std::shared_ptr<void>& object, Deadline deadline) {
             return Stop(state, *std::static_pointer_cast<FakeObject>(object), deadline);
           }});
}

inline Result<std::shared_ptr<void>> FakePlugins::Start(const std::shared_ptr<State>& state,
                                                        const LaunchSpec& spec,
                                                        const StartContext& context) {
  const std::string& version = spec.plugin.ref.version;
  const std::string mount = spec.mount.ns + spec.mount.path;
  std::unique_lock lock(state->mutex);
  const std::uint64_t serial = ++state->serial;
  state->Note("start", spec, serial);
  const auto free = [&] { return !state->Find(version, mount).hold; };
  if (state->Find(version, mount).deaf) {
    state->changed.wait_for(lock, 3 * kSoon, free);
  } else {
    state->changed.wait_until(lock, context.cancel, std::min(context.deadline, After(3 * kSoon)),
                              free);
    if (!free()) {
      state->Note("cancelled", spec, serial);
      return Status(context.cancel.stop_requested() ? Code::kCancelled : Code::kDeadlineExceeded,
                    "cancelled", "the start was given up");
    }
  }
  const Behaviour behaviour = state->Find(version, mount);
  if (behaviour.throws) {
    state->Note("failed", spec, serial);
    throw std::runtime_error("a start that throws");
  }
  if (behaviour.fail) {
    state->Note("failed", spec, serial);
    return *behaviour.fail;
  }
  auto object = std::make_shared<FakeObject>(state, spec, serial, context.on_exit);
  ++state->live;
  state->objects[serial] = object;
  state->Note("ready", spec, serial);
  return std::shared_ptr<void>(std::move(object));
}

inline Status FakePlugins::Stop(const std::shared_ptr<State>& state, FakeObject& object,
                                Deadline deadline) {
  std::unique_lock lock(state->mutex);
  if (object.stopped_.exchange(true)) ++state->violations;
  state->Note("stop", object.spec_, object.serial_);
  const std::string mount = object.spec_.mount.ns + object.spec_.mount.path;
  const bool stopped = state->changed.wait_until(lock, std::min(deadline, After(3 * kSoon)), [&] {
    return !state->Find(object.version(), mount).hold_stop;
  });
  return stopped ? Status()
                 : Status(Code::kDeadlineExceeded, "unkillable", "the plugin does not stop");
}

inline bool FakePlugins::Kill(std::uint64_t serial) {
  std::shared_ptr<FakeObject> object;
  {
    const std::lock_guard lock(state_->mutex);
    object = state_->objects[serial].lock();
  }
  if (object == nullptr) return false;
  object->on_exit_(InstanceExit{.exit_code = {}, .signal = 9, .detail = "somebody killed it"});
  return true;
}

}  // namespace plugreload::test

#endif  // PLUGRELOAD_TESTS_SCENARIO_FAKE_PLUGIN_HPP_
