#include "namespaces/publisher.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "support/catch.hpp"

namespace plugreload::internal {
namespace {

struct Hung : MountAttachment {
  Hung() : MountAttachment(&own) {}
  int own = 0;
};

std::shared_ptr<MountNode> NewNode(const std::string& ns, const std::string& path,
                                   std::uint64_t place) {
  MountEntry entry;
  entry.ns = ns;
  entry.path = path;
  return std::make_shared<MountNode>(std::make_shared<const MountEntry>(std::move(entry)),
                                     std::make_shared<Hung>(), place);
}

// The publisher beside a plain picture of what it should show.
struct Pictured {
  // "ns|path|rest", "no mount" or "no namespace", as it should be.
  std::string Expected(const std::string& ns, const std::string& path) const {
    if (!ns.empty() && !namespaces.contains(ns)) return "no namespace";
    const std::string whole = ns + path;
    for (const auto& [full, node] : mounts) {
      const std::string bare = full.substr(0, full.size() - 1);
      if (whole != bare && !whole.starts_with(full)) continue;
      if (full.size() <= ns.size()) continue;
      return node->entry.ns + "|" + node->entry.path + "|" +
             (whole == bare ? "" : whole.substr(full.size()));
    }
    return "no mount";
  }
  std::string Found(const std::string& ns, const std::string& path) {
    const Section section(domain, *domain.Record());
    const Tree::Lookup found = publisher.Resolve(ns, path);
    if (!found.namespace_found) return "no namespace";
    if (found.node == nullptr) return "no mount";
    CHECK(found.cell == found.node->attachment->cell);
    CHECK(found.place == found.node->place);
    return found.node->entry.ns + "|" + found.node->entry.path + "|" + std::string(found.rest);
  }
  bool Free(const std::string& full) const {
    return std::none_of(mounts.begin(), mounts.end(), [&](const auto& mount) {
      return mount.first.starts_with(full) || full.starts_with(mount.first);
    });
  }
  void Put(const std::string& ns, const std::string& path) {
    auto node = NewNode(ns, path, publisher.next());
    publisher.PutMount(*node);
    mounts[ns + path] = std::move(node);
  }
  void Drop(const std::string& full) {
    publisher.DropMount(mounts.at(full)->entry);
    dropped.push_back(mounts.at(full));
    mounts.erase(full);
  }
  void Commit() {
    publisher.Commit();
    dropped.clear();
  }

  SectionDomain domain;
  Publisher publisher{&domain};
  std::map<std::string, std::shared_ptr<MountNode>> mounts;
  std::set<std::string> namespaces;
  std::vector<std::shared_ptr<MountNode>> dropped;
};

TEST_CASE("nothing of a batch is there before it is committed, all of it afterwards",
          "[namespaces]") {
  Pictured tree;
  tree.publisher.PutNamespace("team/");
  tree.Put("", "kv/");
  tree.Put("team/", "a/b/");
  CHECK(tree.Found("", "kv/x") == "no mount");
  CHECK(tree.Found("team", "a/b") == "no namespace");
  tree.Commit();
  CHECK(tree.Found("", "kv/x") == "|kv/|x");
  CHECK(tree.Found("team", "a/b/c") == "team/|a/b/|c");
  tree.Drop("kv/");
  CHECK(tree.Found("", "kv/x") == "|kv/|x");
  tree.Commit();
  CHECK(tree.Found("", "kv/x") == "no mount");
}

TEST_CASE("a mount may move to a path above or below its own", "[namespaces]") {
  Pictured tree;
  tree.Put("", "a/b/");
  tree.Commit();
  for (int i = 0; i < 3; ++i) {
    tree.Drop("a/b/");
    tree.Put("", "a/");
    CHECK(tree.Found("", "a/b/x") == "|a/b/|x");
    tree.Commit();
    CHECK(tree.Found("", "a/b/x") == "|a/|b/x");
    tree.Drop("a/");
    tree.Put("", "a/b/");
    CHECK(tree.Found("", "a/b/x") == "|a/|b/x");
    tree.Commit();
    CHECK(tree.Found("", "a/b/x") == "|a/b/|x");
    CHECK(tree.Found("", "a/x") == "no mount");
  }
}

TEST_CASE("paths of every length and depth lead to their mounts", "[namespaces]") {
  Pictured tree;
  std::vector<std::string> paths;
  for (std::size_t size = 1; size <= 70; ++size) paths.push_back(std::string(size, 'x') + "/");
  // Equal but for one byte, at every place of a segment.
  for (std::size_t at = 0; at < 40; ++at) {
    std::string path(40, 'y');
    path[at] = 'z';
    paths.push_back(path + "/");
  }
  std::string deep;
  for (int i = 0; i < 200; ++i) deep += "d/";
  paths.push_back(deep);
  for (const std::string& path : paths) tree.Put("", path);
  tree.Commit();
  for (const std::string& path : paths) {
    CHECK(tree.Found("", path + "rest") == "|" + path + "|rest");
    CHECK(tree.Found("", path.substr(0, path.size() - 1) + "w") == "no mount");
  }
  CHECK(tree.Found("", std::string(71, 'x')) == "no mount");
  CHECK(tree.Found("", std::string(40, 'y')) == "no mount");
}

TEST_CASE("random changes show what a plain picture shows", "[namespaces]") {
  const auto seed = GENERATE(1U, 2U, 3U, 4U);
  std::minstd_rand random(seed);
  const auto pick = [&](std::size_t n) { return static_cast<std::size_t>(random()) % n; };
  const std::vector<std::string> segments = {
      "a", "bb", "kv-0001", "a-segment-longer-than-16-bytes", "12345678", "1234567890123456"};
  const std::vector<std::string> namespaces = {"", "t/", "t/p/", "u/"};
  Pictured tree;
  for (int round = 0; round < 400; ++round) {
    for (std::size_t n = 1 + pick(4); n > 0; --n) {
      const std::string ns = namespaces[pick(namespaces.size())];
      if (!ns.empty() && !tree.namespaces.contains(ns)) {
        const bool parent = ns != "t/p/" || tree.namespaces.contains("t/");
        if (!parent) continue;
        tree.namespaces.insert(ns);
        tree.publisher.PutNamespace(ns);
      }
      std::string path;
      for (std::size_t depth = 1 + pick(3); depth > 0; --depth) {
        path += segments[pick(segments.size())] + "/";
      }
      if (tree.Free(ns + path)) tree.Put(ns, path);
    }
    tree.Commit();
    while (tree.mounts.size() > 30 || (round % 7 == 0 && !tree.mounts.empty())) {
      tree.Drop(
          std::next(tree.mounts.begin(), static_cast<std::ptrdiff_t>(pick(tree.mounts.size())))
              ->first);
    }
    if (tree.mounts.empty()) {
      for (const std::string& ns : tree.namespaces) tree.publisher.DropNamespace(ns);
      tree.namespaces.clear();
    }
    tree.Commit();
    for (const std::string& ns : namespaces) {
      for (int i = 0; i < 8; ++i) {
        std::string path;
        for (std::size_t depth = 1 + pick(5); depth > 0; --depth) {
          path += segments[pick(segments.size())] + (depth > 1 || pick(2) == 0 ? "/" : "");
        }
        REQUIRE(tree.Found(ns, path) == tree.Expected(ns, path));
      }
    }
  }
}

TEST_CASE("what was dropped leaves no room behind", "[namespaces]") {
  Pictured tree;
  tree.Put("", "stays/");
  tree.Commit();
  std::size_t largest = 0;
  for (int round = 0; round < 2'000; ++round) {
    const std::string path = "p" + std::to_string(round) + "/with-a-long-segment-to-free/m/";
    tree.Put("", path);
    tree.Commit();
    tree.Drop(path);
    tree.Commit();
    if (round == 1'000) largest = tree.publisher.bytes();
  }
  CHECK(tree.publisher.bytes() < largest + 4'096);
  CHECK(tree.Found("", "stays/x") == "|stays/|x");
}

}  // namespace
}  // namespace plugreload::internal
