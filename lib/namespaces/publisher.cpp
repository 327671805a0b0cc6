#include "namespaces/publisher.hpp"

#include <algorithm>
#include <utility>

#include "namespaces/path_text.hpp"

namespace plugreload::internal {
namespace {

std::string_view WithoutSlash(std::string_view path) {
  return path.ends_with('/') ? path.substr(0, path.size() - 1) : path;
}

// Namespaces end with a slash, the root has none.
std::string Whole(const MountEntry& entry) {
  return entry.ns + std::string(WithoutSlash(entry.path));
}

}  // namespace

// The hot path: no lock, no allocation, and no line that anybody else writes.
Tree::Lookup Publisher::Resolve(std::string_view ns, std::string_view path) const {
  const std::uint64_t revision = revision_.load(kSectionAcquire);
  const PathHash& hasher = table_.hash();
  std::uint64_t hash = hasher.Root();
  std::uint32_t parent = 0;
  ns = TrimNamespace(ns);
  for (std::size_t begin = 0; begin < ns.size();) {
    const std::size_t end = FindSlash(ns, begin);
    const std::string_view segment = ns.substr(begin, end - begin);
    hash = hasher.Step(hash, segment);
    const RouteEntry* entry = table_.Find(hash, parent, segment, revision);
    if (entry == nullptr || entry->is_mount()) return {.rest = path};
    if (end == ns.size() && !entry->In(revision)) return {.rest = path};
    parent = entry->node.id;
    begin = end + 1;
  }
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = FindSlash(path, begin);
    const std::string_view segment = path.substr(begin, end - begin);
    hash = hasher.Step(hash, segment);
    const RouteEntry* entry = table_.Find(hash, parent, segment, revision);
    if (entry == nullptr) break;
    if (entry->is_mount()) {
      return {entry->mount.load(kSectionAcquire), entry->attachment,
              entry->born.load(std::memory_order_relaxed), true,
              path.substr(std::min(end + 1, path.size()))};
    }
    parent = entry->node.id;
    begin = end + 1;
  }
  return {.namespace_found = true, .rest = path};
}

RouteEntry* Publisher::Node(const Step& step) {
  RouteEntry* entry = nullptr;
  while ((entry = table_.Next(step.hash, step.parent, step.segment, entry)) != nullptr) {
    if (!entry->is_mount()) return entry;
  }
  return nullptr;
}

RouteEntry* Publisher::Mount(const Step& step, std::uint64_t revision) {
  RouteEntry* entry = nullptr;
  while ((entry = table_.Next(step.hash, step.parent, step.segment, entry)) != nullptr) {
    if (entry->is_mount() && entry->In(revision)) return entry;
  }
  return nullptr;
}

RouteEntry* Publisher::AddNode(const Steps& steps) {
  const Step& step = steps.back();
  std::uint32_t id = last_id_ + 1;
  if (free_ids_.empty()) {
    last_id_ = id;
  } else {
    id = free_ids_.back();
    free_ids_.pop_back();
  }
  const RouteEntry* twin = table_.Next(step.hash, step.parent, step.segment, nullptr);
  table_.Add(step.hash, step.parent, step.segment,
             {twin == nullptr ? nullptr : twin->mount.load(std::memory_order_relaxed), nullptr, id,
              false});
  CountChild(steps, true);
  return Node(step);
}

// At the node above the last step; the root does not count.
void Publisher::CountChild(const Steps& steps, bool added) {
  if (steps.size() < 2) return;
  std::uint32_t& children = Node(steps[steps.size() - 2])->node.children;
  children = added ? children + 1 : children - 1;
}

Publisher::Steps Publisher::Walk(std::string_view path) {
  Steps steps;
  Step step{table_.hash().Root(), 0, {}};
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = FindSlash(path, begin);
    step.segment = path.substr(begin, end - begin);
    step.hash = table_.hash().Step(step.hash, step.segment);
    steps.push_back(step);
    begin = end + 1;
    const RouteEntry* node = begin < path.size() ? Node(step) : nullptr;
    if (node == nullptr) break;
    step.parent = node->node.id;
  }
  return steps;
}

Publisher::Steps Publisher::Make(std::string_view path) {
  for (;;) {
    Steps steps = Walk(path);
    const std::string_view last = steps.back().segment;
    if (last.data() + last.size() == path.data() + path.size()) return steps;
    AddNode(steps);
  }
}

void Publisher::PutNamespace(std::string_view ns) {
  const Steps steps = Make(WithoutSlash(ns));
  RouteEntry* node = Node(steps.back());
  if (node == nullptr) node = AddNode(steps);
  node->dead.store(RouteEntry::kNever, kSectionRelaxed);
  node->born.store(next(), kSectionRelaxed);
}

void Publisher::DropNamespace(std::string_view ns) {
  dropped_.push_back({std::string(WithoutSlash(ns)), false});
  Node(Walk(dropped_.back().path).back())->dead.store(next(), kSectionRelaxed);
}

void Publisher::PutMount(const MountNode& mount) {
  const std::string path = Whole(mount.entry);
  const Steps steps = Make(path);
  const Step& step = steps.back();
  // Readers that meet the node first must go on to the mount.
  if (RouteEntry* node = Node(step)) node->mount.store(&mount, kSectionRelaxed);
  RouteEntry* entry =
      table_.Add(step.hash, step.parent, step.segment, {&mount, mount.attachment.get(), 0, true});
  entry->dead.store(RouteEntry::kNever, kSectionRelaxed);
  entry->born.store(next(), kSectionRelaxed);
  CountChild(steps, true);
}

void Publisher::DropMount(const MountEntry& entry) {
  dropped_.push_back({Whole(entry), true});
  Mount(Walk(dropped_.back().path).back(), next() - 1)->dead.store(next(), kSectionRelaxed);
}

void Publisher::ReplaceMount(const MountNode& mount) {
  const std::string path = Whole(mount.entry);
  Mount(Walk(path).back(), next() - 1)->mount.store(&mount, kSectionRelease);
  replaced_ = true;
}

void Publisher::Commit() {
  const std::uint64_t revision = next();
  revision_.store(revision, kSectionRelease);
  if (dropped_.empty() && !replaced_ && !table_.needs_reclaim()) return;
  domain_->Grace();
  table_.Reclaim();
  free_ids_.insert(free_ids_.end(), old_ids_.begin(), old_ids_.end());
  old_ids_.clear();
  replaced_ = false;
  for (const Dropped& dropped : std::exchange(dropped_, {})) Clean(dropped, revision);
}

// Takes out what is in no revision any more, and the nodes that lead nowhere without it. What
// readers may still touch of it, text and ids, waits for the next grace.
void Publisher::Clean(const Dropped& dropped, std::uint64_t revision) {
  Steps steps = Walk(dropped.path);
  if (dropped.mount) {
    RouteEntry* entry = nullptr;
    const Step& step = steps.back();
    do {
      entry = table_.Next(step.hash, step.parent, step.segment, entry);
    } while (!entry->is_mount() || entry->dead.load(std::memory_order_relaxed) != revision);
    table_.Remove(entry);
    CountChild(steps, false);
    steps.pop_back();
  } else {
    Node(steps.back())->born.store(RouteEntry::kNever, kSectionRelaxed);
  }
  for (; !steps.empty(); steps.pop_back()) {
    RouteEntry* node = Node(steps.back());
    const bool is_namespace = node->born.load(std::memory_order_relaxed) != RouteEntry::kNever;
    if (is_namespace || node->node.children != 0) return;
    old_ids_.push_back(node->node.id);
    table_.Remove(node);
    CountChild(steps, false);
  }
}

}  // namespace plugreload::internal
