#include "namespaces/routes.hpp"

#include <algorithm>

#include "namespaces/path_text.hpp"

namespace plugreload::internal {
namespace {

std::string_view WithoutSlash(std::string_view path) {
  return path.ends_with('/') ? path.substr(0, path.size() - 1) : path;
}

// FNV-1a goes on from where it was, so that a joined path needs no buffer.
constexpr std::uint64_t kSeed = 0xcbf29ce484222325U;

std::uint64_t Feed(std::uint64_t hash, std::string_view text) {
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash;
}

// The table takes its slot from some bits and its tag from others: all must depend on all.
std::size_t Mix(std::uint64_t hash) {
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdU;
  return static_cast<std::size_t>(hash ^ (hash >> 33));
}

std::string_view Slash(const JoinedPath& path) {
  return path.front.empty() || path.back.empty() ? "" : "/";
}

// The end of the segment that begins at `begin`; npos when there is none any more.
std::size_t SegmentEnd(std::string_view path, std::size_t begin) {
  if (begin > path.size()) return std::string_view::npos;
  return std::min(path.find('/', begin), path.size());
}

}  // namespace

std::size_t PathHash::operator()(std::string_view path) const { return Mix(Feed(kSeed, path)); }

std::size_t PathHash::operator()(const JoinedPath& path) const {
  return Mix(Feed(Feed(Feed(kSeed, path.front), Slash(path)), path.back));
}

bool PathEqual::operator()(std::string_view a, const JoinedPath& b) const {
  const std::size_t slash = Slash(b).size();
  return a.size() == b.front.size() + slash + b.back.size() && a.starts_with(b.front) &&
         (slash == 0 || a[b.front.size()] == '/') && a.ends_with(b.back);
}

NamespaceRoutes::NamespaceRoutes(std::string_view ns, const TreeModel& model)
    : path_(WithoutSlash(ns)),
      has_children_(model.HasChildren(ns)),
      nodes_(model.Nodes(ns, Depth::kSelf)) {
  by_path_.reserve(nodes_.size());
  for (const auto& node : nodes_) {
    const std::string_view path = node->entry.path;
    by_path_.emplace(WithoutSlash(path), node.get());
    most_segments_ = std::max(most_segments_,
                              static_cast<std::size_t>(std::count(path.begin(), path.end(), '/')));
  }
}

Tree::Lookup NamespaceRoutes::Find(std::string_view path) const {
  std::size_t begin = 0;
  for (std::size_t i = 0; i < most_segments_; ++i) {
    const std::size_t end = SegmentEnd(path, begin);
    if (end == std::string_view::npos) break;
    const auto found = by_path_.find(path.substr(0, end));
    if (found != by_path_.end()) {
      return {found->second, true, path.substr(std::min(end + 1, path.size()))};
    }
    begin = end + 1;
  }
  return {nullptr, true, path};
}

Tree::Lookup RouteTable::Resolve(std::string_view ns, std::string_view path) const {
  ns = TrimNamespace(ns);
  const auto start = by_namespace_.find(ns);
  if (start == by_namespace_.end()) return {nullptr, false, path};
  const NamespaceRoutes* routes = start->second;
  // A child has its parent: the first segment that is no namespace ends the search.
  std::size_t begin = 0;
  while (routes->has_children()) {
    const std::size_t end = SegmentEnd(path, begin);
    if (end == std::string_view::npos || end == begin) break;
    const auto child = by_namespace_.find(JoinedPath{ns, path.substr(0, end)});
    if (child == by_namespace_.end()) break;
    routes = child->second;
    begin = std::min(end + 1, path.size());
  }
  return routes->Find(path.substr(begin));
}

}  // namespace plugreload::internal
