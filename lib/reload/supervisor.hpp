// reload/supervisor.hpp - starts what should run, and what ended again.
#ifndef PLUGRELOAD_RELOAD_SUPERVISOR_HPP_
#define PLUGRELOAD_RELOAD_SUPERVISOR_HPP_

#include <functional>
#include <memory>

#include "base/notifier.hpp"
#include "base/timers.hpp"
#include "plugreload/runtime.hpp"
#include "registry/catalog.hpp"
#include "reload/slots.hpp"
#include "reload/starter.hpp"

namespace plugreload::internal {

// How long to wait after `failures` (1, 2, ...) in a row; `random` shortens by up to half.
Millis RestartDelay(const RestartPolicy& policy, std::uint32_t failures, std::uint32_t random);

// Nothing here blocks: starts report back through their tickets, delays through timers.
//
// Thread safety: safe for concurrent use.
class Supervisor : public std::enable_shared_from_this<Supervisor> {
 public:
  using MakeSpec = std::function<LaunchSpec(const PluginSpec&, const MountEntry&)>;
  Supervisor(Catalog* catalog, Slots* slots, Starter* starter, Timers* timers, Notifier* notifier,
             RestartPolicy policy, MakeSpec make_spec);

  // The first start of an idle slot; a second call while it starts does nothing.
  void Begin(const std::shared_ptr<Slot>& slot);
  // An instance ended by itself: every mount that it served is restarted with the version that ran.
  void Exited(const std::shared_ptr<Instance>& instance, const InstanceExit& exit);
  // What a reload took out of service and could not bring back: as if it had ended by itself.
  void Restart(const std::shared_ptr<Slot>& slot, const Status& error);

 private:
  void Start(const std::shared_ptr<Slot>& slot, std::uint64_t incident);
  void Failed(const std::shared_ptr<Slot>& slot, std::uint64_t incident, const Status& error);
  void Later(const std::shared_ptr<Slot>& slot, std::uint64_t incident, Millis delay);

  Catalog* const catalog_;
  Slots* const slots_;
  Starter* const starter_;
  Timers* const timers_;
  Notifier* const notifier_;
  const RestartPolicy policy_;
  const MakeSpec make_spec_;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_RELOAD_SUPERVISOR_HPP_
