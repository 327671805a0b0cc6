// The half of Engine that mounts and unmounts.
#include <fmt/format.h>

#include <utility>

#include "reload/engine.hpp"
#include "reload/latch.hpp"
#include "state/keys.hpp"

namespace plugreload::internal {

// Joins or starts an instance, and waits for it.
StartResult Engine::StartFor(const PluginSpec& spec, const MountEntry& entry, Deadline deadline) {
  const auto ticket = starter_->Start(
      ProcessKey(spec, entry), [&] { return MakeSpec(spec, entry); }, 0, std::nullopt);
  struct Answer {
    Latch latch{1};
    Mutex mutex;
    std::optional<StartResult> result PLUGRELOAD_GUARDED_BY(mutex);
  };
  const auto answer = std::make_shared<Answer>();
  ticket->Then([answer](const StartResult& result) {
    {
      const MutexLock lock(answer->mutex);
      answer->result.emplace(result);
    }
    answer->latch.Arrive();
  });
  if (!answer->latch.Await(deadline)) {
    ticket->Leave();
    return Status(Code::kDeadlineExceeded, "start_timeout",
                  fmt::format("the plugin {} did not become ready for {} before the deadline of "
                              "the call; nothing was mounted",
                              spec.ref.name, entry.path));
  }
  const MutexLock lock(answer->mutex);
  return *answer->result;
}

Result<MountEntry> Engine::Mount(MountEntry entry, Deadline deadline) {
  if (Status status = Admit("Mount"); !status.ok()) return status;
  const Result<std::string> ns = CanonicalNamespace(entry.ns);
  if (!ns.ok()) return ns.status();
  const Result<MountEntry> checked =
      Surely([&] { return tree_->CheckMount(entry); }, {NamespaceKey(*ns)}, deadline);
  if (!checked.ok()) return checked;
  const std::string prefix = PluginPrefix(checked->type, checked->plugin);
  for (;;) {
    const Result<Resolution> chosen = Surely(
        [&] {
          return catalog_->ResolveForMount(checked->type, checked->plugin, checked->version,
                                           checked->override_pinned_version);
        },
        {prefix}, deadline);
    if (!chosen.ok()) return chosen.status();
    MountEntry mount = *checked;
    mount.version = chosen->spec.ref.version;
    if (mount.start == StartMode::kLazy) return tree_->AddMount(std::move(mount), deadline);
    Result<MountEntry> mounted = StartAndAdd(*chosen, checked->version, std::move(mount), deadline);
    // It was pinned otherwise while it started. A reload for that pin has not seen this mount.
    if (mounted.ok() || mounted.status().reason() != "version_changed") return mounted;
  }
}

Result<MountEntry> Engine::StartAndAdd(const Resolution& chosen, std::string_view requested,
                                       MountEntry entry, Deadline deadline) {
  const std::string accessor = entry.accessor;
  StartResult started = StartFor(chosen.spec, entry, deadline);
  if (!started.ok()) return started.status();
  {
    const MutexLock lock(mutex_);
    mounting_[accessor] = *std::move(started);
  }
  const auto still_chosen = [&] {
    return catalog_->WhileChosen(entry.type, entry.plugin, requested, entry.override_pinned_version,
                                 chosen.spec.ref.version);
  };
  Result<MountEntry> mounted = tree_->AddMount(entry, deadline, still_chosen);
  // Not committed: dropping the instance stops it.
  std::shared_ptr<Instance> unused;
  const MutexLock lock(mutex_);
  if (auto left = mounting_.find(accessor); left != mounting_.end()) {
    unused = std::move(left->second);
    mounting_.erase(left);
  }
  return mounted;
}

std::shared_ptr<MountAttachment> Engine::OnMounted(const SharedEntry& entry, std::uint64_t place) {
  std::shared_ptr<Instance> instance;
  {
    const MutexLock lock(mutex_);
    if (auto known = mounting_.find(entry->accessor); known != mounting_.end()) {
      instance = std::move(known->second);
      mounting_.erase(known);
    }
  }
  const bool eager = instance != nullptr || entry->start == StartMode::kEager;
  std::shared_ptr<Slot> slot = slots_.Add(entry, place, instance, MountState::kIdle);
  // Nothing to do for one that serves already.
  if (eager) supervisor_->Begin(slot);
  return slot;
}

void Engine::OnMountChanged(const SharedEntry& entry, std::uint64_t place,
                            MountAttachment& attachment) {
  slots_.Update(static_cast<Slot&>(attachment).shared_from_this(), entry, place);
}

void Engine::OnUnmounted(const MountEntry&, const std::shared_ptr<MountAttachment>& attachment) {
  std::function<void()> drained;
  {
    const MutexLock lock(mutex_);
    if (auto waiting = unmounting_.find(attachment.get()); waiting != unmounting_.end()) {
      drained = std::move(waiting->second);
      unmounting_.erase(waiting);
    }
  }
  slots_.Remove(std::static_pointer_cast<Slot>(attachment), std::move(drained));
}

Status Engine::Unmount(std::string_view ns, std::string_view path, Deadline deadline) {
  if (Status status = Admit("Unmount"); !status.ok()) return status;
  const auto node = tree_->FindNode(ns, path);
  const auto drained = std::make_shared<Latch>(1);
  const auto retired = std::make_shared<Latch>(1);
  bool alone = false;
  if (node != nullptr) {
    const auto slot = std::static_pointer_cast<Slot>(node->attachment);
    if (const auto instance = slots_.Serving(*slot)) {
      alone = slots_.UsersOf(*instance).size() == 1;
      if (alone) instance->OnRetired([retired](const Status&, Millis) { retired->Arrive(); });
    }
    const MutexLock lock(mutex_);
    unmounting_[slot.get()] = [drained] { drained->Arrive(); };
  }
  Status removed = tree_->RemoveMount(ns, path, deadline);
  if (!removed.ok()) {
    if (node != nullptr && removed.code() != Code::kUnknown) {
      const MutexLock lock(mutex_);
      unmounting_.erase(node->attachment.get());
    }
    return removed;
  }
  if (node == nullptr || (drained->Await(deadline) && (!alone || retired->Await(deadline)))) {
    return {};
  }
  return Status(Code::kDeadlineExceeded, "draining",
                fmt::format("{} is unmounted; requests that were under way still hold its plugin, "
                            "which is stopped when they have ended",
                            node->entry.path));
}

Status Engine::Move(std::string_view from_ns, std::string_view from, std::string_view to_ns,
                    std::string_view to, Deadline deadline) {
  if (Status status = Admit("Move"); !status.ok()) return status;
  return tree_->MoveMount(from_ns, from, to_ns, to, deadline);
}

Status Engine::TuneMount(std::string_view ns, std::string_view path, const MountTune& tune,
                         Deadline deadline) {
  if (Status status = Admit("TuneMount"); !status.ok()) return status;
  const auto node = tree_->FindNode(ns, path);
  if (node == nullptr || !tune.version) return tree_->TuneMount(ns, path, tune, deadline);
  MountTune canonical = tune;
  if (!tune.version->empty()) {
    Result<std::string> version = CanonicalVersion(*tune.version);
    if (!version.ok()) return version.status();
    canonical.version = *std::move(version);
  }
  const MountEntry& entry = node->entry;
  const auto pin = catalog_->FindPin(entry.type, entry.plugin);
  const bool overrides = tune.override_pinned_version.value_or(entry.override_pinned_version);
  if (pin && pin->version != *canonical.version && !overrides) {
    return Status(Code::kFailedPrecondition, "pinned_version",
                  fmt::format("plugin_version cannot be set for {} plugin \"{}\" as a pinned "
                              "version {} is in effect.",
                              PluginTypeName(entry.type), entry.plugin, pin->version));
  }
  const PluginRef wanted{entry.type, entry.plugin, *canonical.version};
  if (!catalog_->Find(wanted)) {
    const Status status = applier_->CatchUp({PluginKey(wanted)}, deadline);
    if (!status.ok()) return status;
  }
  if (!catalog_->Find(wanted)) {
    return Status(Code::kNotFound, "plugin_not_found",
                  fmt::format("plugin not found in the catalog: {}{}{}", entry.plugin,
                              canonical.version->empty() ? "" : ", version=", *canonical.version));
  }
  return tree_->TuneMount(ns, path, canonical, deadline);
}

}  // namespace plugreload::internal
