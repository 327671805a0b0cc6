// tests/bench/cpp_router.hpp - the way to a mount in Vault's router, as vault_router/main.go has
// it, written in C++: what the language alone makes of the design.
#ifndef PLUGRELOAD_TESTS_BENCH_CPP_ROUTER_HPP_
#define PLUGRELOAD_TESTS_BENCH_CPP_ROUTER_HPP_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mounts.hpp"

namespace plugreload::bench {

// A radix tree of namespace and path in one text behind a lock for readers, and an entry with a
// lock of its own, held over the request.
class CppRouter {
 public:
  explicit CppRouter(const DataSet& data) {
    for (const MountPath& mount : data.mounts) Insert(mount.ns + mount.path);
  }

  // The number of what serves the path; 0: nothing does.
  std::uint64_t Look(std::string_view ns, std::string_view path) const {
    std::string whole;
    whole.reserve(ns.size() + path.size());
    whole.append(ns).append(path);
    const Entry* entry = nullptr;
    {
      const std::shared_lock lock(mutex_);
      entry = LongestPrefix(whole);
    }
    if (entry == nullptr) return 0;
    const std::shared_lock held(entry->mutex);
    return entry->number;
  }

 private:
  struct Entry {
    mutable std::shared_mutex mutex;
    std::uint64_t number = 1;
  };
  struct Node {
    std::string prefix;
    std::unique_ptr<Entry> entry;
    std::vector<std::pair<char, std::unique_ptr<Node>>> edges;  // by their first byte
  };

  static auto EdgeOf(Node& node, char label) {
    return std::lower_bound(node.edges.begin(), node.edges.end(), label,
                            [](const auto& edge, char c) { return edge.first < c; });
  }

  void Insert(std::string_view rest) {
    Node* node = &root_;
    for (;;) {
      if (rest.empty()) {
        node->entry = std::make_unique<Entry>();
        return;
      }
      auto edge = EdgeOf(*node, rest.front());
      if (edge == node->edges.end() || edge->first != rest.front()) {
        auto leaf = std::make_unique<Node>();
        leaf->prefix = rest;
        leaf->entry = std::make_unique<Entry>();
        node->edges.emplace(edge, rest.front(), std::move(leaf));
        return;
      }
      const std::string& prefix = edge->second->prefix;
      const auto common = static_cast<std::size_t>(
          std::mismatch(prefix.begin(), prefix.end(), rest.begin(), rest.end()).first -
          prefix.begin());
      if (common < prefix.size()) {
        auto split = std::make_unique<Node>();
        split->prefix = prefix.substr(0, common);
        std::unique_ptr<Node> below = std::move(edge->second);
        below->prefix.erase(0, common);
        split->edges.emplace_back(below->prefix.front(), std::move(below));
        edge->second = std::move(split);
      }
      node = edge->second.get();
      rest.remove_prefix(common);
    }
  }

  const Entry* LongestPrefix(std::string_view rest) const {
    const Entry* last = nullptr;
    const Node* node = &root_;
    for (;;) {
      if (node->entry != nullptr) last = node->entry.get();
      if (rest.empty()) return last;
      const auto edge = EdgeOf(const_cast<Node&>(*node), rest.front());
      if (edge == node->edges.end() || edge->first != rest.front()) return last;
      node = edge->second.get();
      if (!rest.starts_with(node->prefix)) return last;
      rest.remove_prefix(node->prefix.size());
    }
  }

  Node root_;
  mutable std::shared_mutex mutex_;
};

}  // namespace plugreload::bench

#endif  // PLUGRELOAD_TESTS_BENCH_CPP_ROUTER_HPP_
