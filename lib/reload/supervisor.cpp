#include "reload/supervisor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/ids.hpp"

namespace plugreload::internal {

Millis RestartDelay(const RestartPolicy& policy, std::uint32_t failures, std::uint32_t random) {
  Millis delay = policy.first;
  for (std::uint32_t i = 1; i < failures && delay < policy.max; ++i) delay *= 2;
  delay = std::min(delay, policy.max);
  // The half that is certain keeps the back-off; the random one keeps mounts that failed together
  // from coming back together.
  const auto half = delay / 2;
  return delay - (half.count() > 0 ? Millis(random % (half.count() + 1)) : Millis(0));
}

Supervisor::Supervisor(Catalog* catalog, Slots* slots, Starter* starter, Timers* timers,
                       Notifier* notifier, RestartPolicy policy, MakeSpec make_spec)
    : catalog_(catalog),
      slots_(slots),
      starter_(starter),
      timers_(timers),
      notifier_(notifier),
      policy_(policy),
      make_spec_(std::move(make_spec)) {}

void Supervisor::Begin(const std::shared_ptr<Slot>& slot) {
  if (const auto incident = slots_->BeginStart(slot)) Start(slot, *incident);
}

void Supervisor::Start(const std::shared_ptr<Slot>& slot, std::uint64_t incident) {
  if (!slots_->Current(*slot, incident)) return;
  const MountEntry entry = slots_->Entry(*slot);
  std::optional<PluginSpec> spec = slots_->LastSpec(*slot);
  if (!spec) {
    Result<Resolution> resolution =
        catalog_->Resolve(entry.type, entry.plugin, entry.version, entry.override_pinned_version);
    if (!resolution.ok()) {
      Failed(slot, incident, resolution.status());
      return;
    }
    spec = std::move(resolution->spec);
  }
  const auto ticket = starter_->Start(
      ProcessKey(*spec, entry), [&] { return make_spec_(*spec, entry); }, 0, std::nullopt);
  ticket->Then([weak = weak_from_this(), slot, incident](const StartResult& result) {
    const auto self = weak.lock();
    if (self == nullptr) return;
    if (!result.ok()) {
      self->Failed(slot, incident, result.status());
      return;
    }
    // Unmounted or reloaded meanwhile: the instance is not needed, and goes with its last user.
    const auto installed = self->slots_->Install(slot, *result, incident, nullptr);
    if (!installed.ok() && installed.status().code() == Code::kUnavailable) {
      self->Failed(slot, incident, installed.status());
    }
  });
}

void Supervisor::Failed(const std::shared_ptr<Slot>& slot, std::uint64_t incident,
                        const Status& error) {
  const auto setback = slots_->Fail(slot, incident, error, policy_);
  if (!setback || setback->state != MountState::kRestarting) return;
  Later(slot, setback->incident, RestartDelay(policy_, setback->restarts, RandomNumber()));
}

void Supervisor::Restart(const std::shared_ptr<Slot>& slot, const Status& error) {
  Failed(slot, slots_->Incident(*slot), error);
}

void Supervisor::Later(const std::shared_ptr<Slot>& slot, std::uint64_t incident, Millis delay) {
  timers_->At(After(delay), [weak = weak_from_this(), slot, incident] {
    if (const auto self = weak.lock()) self->Start(slot, incident);
  });
}

void Supervisor::Exited(const std::shared_ptr<Instance>& instance, const InstanceExit& exit) {
  starter_->Forget(*instance);
  const Status error(Code::kUnavailable, "exited",
                     fmt::format("{} ended by itself: {}", instance->name(), exit.detail));
  notifier_->Log(LogLevel::kError, instance->name(), error.message());
  Event event;
  event.kind = EventKind::kInstanceFailed;
  event.plugin = PluginTitle(instance->spec().plugin.ref);
  event.instance = instance->name();
  event.message = error.ToString();
  notifier_->Emit(std::move(event));

  // The mounts of one process come back together, with the back-off of the most patient.
  std::vector<std::pair<std::shared_ptr<Slot>, std::uint64_t>> restarts;
  std::uint32_t failures = 0;
  for (const auto& [slot, incident] : slots_->UsersOf(*instance)) {
    // A slot that was given another instance since has another incident.
    const auto setback = slots_->Fail(slot, incident, error, policy_);
    if (!setback || setback->state != MountState::kRestarting) continue;
    restarts.emplace_back(slot, setback->incident);
    failures = std::max(failures, setback->restarts);
  }
  if (restarts.empty()) return;
  const Millis delay = RestartDelay(policy_, failures, RandomNumber());
  for (const auto& [slot, incident] : restarts) Later(slot, incident, delay);
}

}  // namespace plugreload::internal
