#include "namespaces/publisher.hpp"

#include <algorithm>
#include <utility>

#include "namespaces/path_text.hpp"

namespace plugreload::internal {
namespace {

std::string_view WithoutSlash(std::string_view path) {
  return path.ends_with('/') ? path.substr(0, path.size() - 1) : path;
}

}  // namespace

RouteEntry* Publisher::Mount(const Step& step, std::uint64_t revision) {
  RouteEntry* entry = nullptr;
  while ((entry = table_.Next(step.hash, step.key, RouteKind::kMount, entry)) != nullptr) {
    if (entry->In(revision)) break;
  }
  return entry;
}

void Publisher::Walk(std::string_view ns, std::string_view path) {
  const std::size_t above = ns.size();
  ns = WithoutSlash(ns);
  path = WithoutSlash(path);
  steps_.clear();
  std::uint64_t hash = table_.hash().OfNamespace(ns);
  for (std::size_t begin = 0; begin < path.size(); ++begin) {
    begin = table_.hash().Step(path, begin, hash);
    steps_.push_back({hash, {ns, path.substr(0, begin), above}});
  }
}

void Publisher::AddLast(const RouteTable::Value& value) {
  const Step& last = steps_.back();
  // Readers that meet the node first must go on.
  if (RouteEntry* node = Only(last, RouteKind::kNode)) node->when.store(0, kSectionRelaxed);
  table_.Add(last.hash, last.key, value);
  for (std::size_t i = steps_.size() - 1; i-- > 0;) {
    if (RouteEntry* node = Only(steps_[i], RouteKind::kNode); node != nullptr) {
      ++node->number;
      return;
    }
    RouteTable::Value node;
    node.number = 1;
    if (Only(steps_[i], RouteKind::kMount) != nullptr ||
        Only(steps_[i], RouteKind::kChild) != nullptr) {
      node.when = 0;
    }
    table_.Add(steps_[i].hash, steps_[i].key, node);
  }
}

void Publisher::RemoveLast(RouteEntry* entry) {
  table_.Remove(steps_.back().hash, entry);
  // And the nodes that lead nowhere without it.
  for (std::size_t i = steps_.size() - 1; i-- > 0;) {
    RouteEntry* node = Only(steps_[i], RouteKind::kNode);
    if (--node->number != 0) return;
    table_.Remove(steps_[i].hash, node);
  }
}

Publisher::Step Publisher::NamespaceStep(std::string_view ns) const {
  ns = WithoutSlash(ns);
  return {table_.hash().OfNamespace(ns), {{}, ns, 0}};
}

void Publisher::WalkTo(std::string_view ns) {
  const std::string_view above = ParentNamespace(ns);
  Walk(above, ns.substr(above.size()));
}

void Publisher::PutNamespace(std::string_view ns) {
  const std::uint64_t when = next() * 2;
  const Step self = NamespaceStep(ns);
  table_.Add(self.hash, self.key, {.kind = RouteKind::kNamespace, .when = when});
  WalkTo(ns);
  AddLast({.kind = RouteKind::kChild, .when = when, .number = self.hash});
}

void Publisher::DropNamespace(std::string_view ns) {
  const std::uint64_t when = next() * 2 + 1;
  Only(NamespaceStep(ns), RouteKind::kNamespace)->when.store(when, kSectionRelease);
  WalkTo(ns);
  Only(steps_.back(), RouteKind::kChild)->when.store(when, kSectionRelease);
  dropped_namespaces_.emplace_back(ns);
}

void Publisher::PutMount(const MountNode& mount) {
  Walk(mount.entry.ns, mount.entry.path);
  AddLast({.kind = RouteKind::kMount, .when = next() * 2, .mount = &mount});
}

void Publisher::DropMount(const MountEntry& entry) {
  Walk(entry.ns, entry.path);
  Mount(steps_.back(), next() - 1)->when.store(next() * 2 + 1, kSectionRelease);
  dropped_.push_back(&entry);
}

void Publisher::ReplaceMount(const MountNode& mount) {
  Walk(mount.entry.ns, mount.entry.path);
  Mount(steps_.back(), next() - 1)->mount.store(&mount, kSectionRelease);
  replaced_ = true;
}

void Publisher::Commit() {
  revision_.store(next(), kSectionRelease);
  const bool dropped = !dropped_.empty() || !dropped_namespaces_.empty();
  if (!dropped && !replaced_ && !table_.needs_reclaim()) return;
  domain_->Grace();
  table_.Reclaim();
  replaced_ = false;
  // What is in no revision any more goes. What readers may still touch of it, its text, waits for
  // the next grace.
  for (const MountEntry* entry : std::exchange(dropped_, {})) Clean(*entry);
  for (const std::string& ns : std::exchange(dropped_namespaces_, {})) Clean(ns);
}

// The one that has just gone, for another may have come in its place.
RouteEntry* Publisher::Gone(const Step& step, RouteKind kind) {
  const std::uint64_t when = revision_.load(std::memory_order_relaxed) * 2 + 1;
  RouteEntry* entry = nullptr;
  while ((entry = table_.Next(step.hash, step.key, kind, entry)) != nullptr) {
    if (entry->when.load(std::memory_order_relaxed) == when) break;
  }
  return entry;
}

void Publisher::Clean(const MountEntry& dropped) {
  Walk(dropped.ns, dropped.path);
  RemoveLast(Gone(steps_.back(), RouteKind::kMount));
}

void Publisher::Clean(std::string_view ns) {
  const Step self = NamespaceStep(ns);
  table_.Remove(self.hash, Gone(self, RouteKind::kNamespace));
  WalkTo(ns);
  RemoveLast(Gone(steps_.back(), RouteKind::kChild));
}

}  // namespace plugreload::internal
