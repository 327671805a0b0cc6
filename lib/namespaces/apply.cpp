#include <utility>

#include "namespaces/path_text.hpp"
#include "namespaces/store_tree.hpp"
#include "state/documents.hpp"
#include "state/keys.hpp"

namespace plugreload::internal {

void StoreTree::Apply(const WatchBatch& batch) {
  std::vector<Item> items;
  items.reserve(batch.items.size());
  for (const auto& item : batch.items) items.push_back({item.key, item.value, batch.revision});
  Install(Read(items));
}

void StoreTree::Reset(const Snapshot& snapshot) {
  std::set<std::string> gone;
  {
    MutexLock lock(mutex_);
    gone = model_.Keys();
  }
  std::vector<Item> items;
  for (const Document& document : snapshot.documents) {
    items.push_back({document.key, document.value, document.revision});
    gone.erase(document.key);
  }
  for (const std::string& key : gone) items.push_back({key, std::nullopt, snapshot.revision});
  Delta delta = Read(items);
  // The root has routes although nothing in the store may speak of it.
  delta.namespaces.try_emplace("", std::nullopt);
  Install(delta);
}

// A document that cannot be read, or that does not belong under its key, counts as absent.
StoreTree::Delta StoreTree::Read(const std::vector<Item>& items) {
  Delta delta;
  for (const Item& item : items) {
    const std::optional<StateKey> key = ParseStateKey(item.key);
    if (!key) continue;
    const Revision revision = item.value ? item.revision : 0;
    if (key->kind == KeyKind::kNamespaceGuard) {
      delta.guards[key->ns] = revision;
    } else if (key->kind == KeyKind::kNamespace) {
      auto& put = delta.namespaces[key->ns];
      delta.namespace_revisions[key->ns] = revision;
      put.reset();
      if (!item.value) continue;
      Result<NamespaceInfo> info = DecodeNamespace(*item.value);
      if (info.ok() && info->path == key->ns) put = *std::move(info);
    } else if (key->kind == KeyKind::kMount) {
      auto& put = delta.mounts[{key->ns, key->path}];
      put = {std::nullopt, revision};
      if (!item.value) continue;
      Result<MountEntry> entry = DecodeMount(*item.value);
      if (entry.ok() && entry->ns == key->ns && entry->path == key->path) {
        put.entry = *std::move(entry);
      }
    }
  }
  return delta;
}

// The order is the observer's contract: what hangs on a new mount is there before readers find it,
// and nobody finds a mount any more when its end is told. No lock is held over a callback.
void StoreTree::Install(const Delta& delta) {
  const MountDiff diff = Diff(delta);
  Update(delta, diff);
  Route(diff);
  publisher_.Commit();
  if (observer_ == nullptr) return;
  for (const auto& node : diff.changed) {
    if (node->attachment != nullptr) {
      observer_->OnMountChanged(node->record, node->place, *node->attachment);
    }
  }
  for (const auto& node : diff.unmounted) observer_->OnUnmounted(node->entry, node->attachment);
}

namespace {

// The mount with this accessor: the one at the same place, or one that was elsewhere.
template <typename Mounts>
auto Prior(const Mounts& before, const std::string& accessor, const MountId& id) {
  const auto same = before.find({accessor, id});
  if (same != before.end()) return same;
  const auto other = before.lower_bound({accessor, MountId()});
  return other != before.end() && other->first.first == accessor ? other : before.end();
}

}  // namespace

// A mount is known by its accessor: a removal and a new document with the same one are a move.
StoreTree::MountDiff StoreTree::Diff(const Delta& delta) {
  MountDiff diff;
  // By accessor, then by where it was: should two mounts carry one accessor, none is forgotten.
  std::map<std::pair<std::string, MountId>, std::shared_ptr<const MountNode>> before;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, mount] : delta.mounts) {
      const MountRecord* record = model_.FindMount(id.first, id.second);
      if (record == nullptr) continue;
      before.emplace(std::pair(record->node->entry.accessor, id), record->node);
      if (!mount.entry) diff.removals.push_back(id);
    }
  }
  for (const auto& [id, mount] : delta.mounts) {
    if (!mount.entry) continue;
    const auto found = Prior(before, mount.entry->accessor, id);
    if (found != before.end() && found->second->entry == *mount.entry) {
      diff.puts.push_back({found->second, mount.revision});
    } else if (found != before.end()) {
      const auto& old = *found->second;
      const bool moved = old.entry.ns != id.first || old.entry.path != id.second;
      auto node =
          std::make_shared<const MountNode>(std::make_shared<const MountEntry>(*mount.entry),
                                            old.attachment, moved ? publisher_.next() : old.place);
      diff.changed.push_back(node);
      diff.before.push_back(found->second);
      diff.puts.push_back({std::move(node), mount.revision});
    } else {
      const std::uint64_t place = publisher_.next();
      auto record = std::make_shared<const MountEntry>(*mount.entry);
      auto attachment = observer_ == nullptr ? nullptr : observer_->OnMounted(record, place);
      auto node =
          std::make_shared<const MountNode>(std::move(record), std::move(attachment), place);
      diff.mounted.push_back(node);
      diff.puts.push_back({std::move(node), mount.revision});
    }
    if (found != before.end()) before.erase(found);
  }
  for (auto& [place, node] : before) diff.unmounted.push_back(std::move(node));
  return diff;
}

void StoreTree::Update(const Delta& delta, const MountDiff& diff) {
  MutexLock lock(mutex_);
  for (const auto& [ns, info] : delta.namespaces) {
    const bool was_there = model_.FindNamespace(ns) != nullptr;
    if (info) {
      model_.PutNamespace(*info, delta.namespace_revisions.at(ns));
    } else {
      model_.RemoveNamespace(ns);
    }
    // Only that it is there matters to readers, and the root always is.
    if (ns.empty() || was_there == info.has_value()) continue;
    if (info) {
      publisher_.PutNamespace(ns);
    } else {
      publisher_.DropNamespace(ns);
    }
  }
  for (const auto& [ns, revision] : delta.guards) model_.PutGuard(ns, revision);
  for (const MountId& id : diff.removals) model_.RemoveMount(id);
  for (const auto& put : diff.puts) model_.PutMount(put.node, put.revision);
}

void StoreTree::Route(const MountDiff& diff) {
  for (const auto& node : diff.unmounted) publisher_.DropMount(node->entry);
  for (std::size_t i = 0; i < diff.changed.size(); ++i) {
    const MountNode& node = *diff.changed[i];
    if (node.place == diff.before[i]->place) {
      publisher_.ReplaceMount(node);
    } else {
      publisher_.DropMount(diff.before[i]->entry);
      publisher_.PutMount(node);
    }
  }
  for (const auto& node : diff.mounted) publisher_.PutMount(*node);
}

}  // namespace plugreload::internal
