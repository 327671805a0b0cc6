// namespaces/routes.hpp - the published tables: where a request's path leads.
#ifndef PLUGRELOAD_NAMESPACES_ROUTES_HPP_
#define PLUGRELOAD_NAMESPACES_ROUTES_HPP_

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "namespaces/model.hpp"

namespace plugreload::internal {

// Two texts with a slash between them, without putting them together: "team" and "project/x".
// Either may be empty, and then there is no slash.
struct JoinedPath {
  std::string_view front, back;
};

// The same hash and equality for a path in one piece and in two.
struct PathHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view path) const;
  std::size_t operator()(const JoinedPath& path) const;
};
struct PathEqual {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const { return a == b; }
  bool operator()(std::string_view a, const JoinedPath& b) const;
  bool operator()(const JoinedPath& a, std::string_view b) const { return (*this)(b, a); }
};

// One namespace as published; immutable. Paths are without their last slash.
class NamespaceRoutes {
 public:
  NamespaceRoutes(std::string_view ns, const TreeModel& model);

  std::string_view path() const { return path_; }
  bool has_children() const { return has_children_; }
  // The mount that `path` leads to: at most one can match, as none is a prefix of another.
  Tree::Lookup Find(std::string_view path) const;

 private:
  const std::string path_;
  const bool has_children_;
  const MountNodes nodes_;  // keeps alive what by_path_ refers to
  absl::flat_hash_map<std::string_view, const MountNode*, PathHash, PathEqual> by_path_;
  std::size_t most_segments_ = 0;
};

// All namespaces as published; immutable, borrows the routes of each.
class RouteTable {
 public:
  // A table that differs in some namespaces is a copy with these changes.
  void Put(const NamespaceRoutes* routes) { by_namespace_[routes->path()] = routes; }
  void Remove(std::string_view ns) { by_namespace_.erase(ns); }

  // As Tree::Resolve.
  Tree::Lookup Resolve(std::string_view ns, std::string_view path) const;

 private:
  absl::flat_hash_map<std::string_view, const NamespaceRoutes*, PathHash, PathEqual> by_namespace_;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_NAMESPACES_ROUTES_HPP_
