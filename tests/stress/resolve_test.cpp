#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "namespaces/publisher.hpp"
#include "support/catch.hpp"

namespace plugreload::internal {
namespace {

std::unique_ptr<MountNode> NewNode(const std::string& path, std::uint64_t place) {
  MountEntry entry;
  entry.path = path;
  return std::make_unique<MountNode>(std::make_shared<const MountEntry>(std::move(entry)),
                                     std::make_shared<MountAttachment>(), place);
}

// Every batch moves the whole set: in one revision all mounts are below a/, in the next below b/,
// so whoever finds one there and another one missing has seen half a batch.
TEST_CASE("readers see whole batches while the table grows and shrinks", "[namespaces][stress]") {
  constexpr int kSet = 20;
  SectionDomain domain;
  Publisher publisher(&domain);
  std::vector<std::unique_ptr<MountNode>> present;
  const auto put = [&](const std::string& path) {
    present.push_back(NewNode(path, publisher.next()));
    publisher.PutMount(*present.back());
  };
  for (int i = 0; i < kSet; ++i) put("a/m" + std::to_string(i) + "/");
  put("stays/");
  publisher.Commit();

  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> wrong{0}, whole{0};
  {
    std::vector<std::jthread> readers;
    for (int t = 0; t < 3; ++t) {
      readers.emplace_back([&, t] {
        for (std::uint64_t n = 0; !stop; ++n) {
          const std::string name = "/m" + std::to_string((n + static_cast<unsigned>(t)) % kSet);
          const std::string other = "/m" + std::to_string(n % kSet);
          const std::string a = "a" + name + "/x", b = "b" + name + "/x", c = "a" + other + "/x";
          const Section section(domain, *domain.Record());
          const std::uint64_t before = publisher.next();
          const auto in_a = publisher.Resolve("", a);
          const auto in_b = publisher.Resolve("", b);
          const auto other_in_a = publisher.Resolve("", c);
          const auto stays = publisher.Resolve("", "stays/x");
          if (stays.node == nullptr || stays.node->entry.path != "stays/") ++wrong;
          for (const auto& found : {in_a, in_b, other_in_a}) {
            if (found.node == nullptr) continue;
            if (found.place != found.node->place || found.rest != "x") ++wrong;
          }
          if (publisher.next() != before) continue;
          ++whole;
          if ((in_a.node == nullptr) == (in_b.node == nullptr)) ++wrong;
          if ((in_a.node == nullptr) != (other_in_a.node == nullptr)) ++wrong;
        }
      });
    }
    for (int round = 0; round < 600 || whole < 1'000; ++round) {
      std::vector<std::unique_ptr<MountNode>> old;
      old.swap(present);
      present.push_back(std::move(old.back()));  // "stays/"
      old.pop_back();
      for (const auto& node : old) publisher.DropMount(node->entry);
      const std::string side = round % 2 == 0 ? "b/" : "a/";
      const auto stays = std::move(present.back());
      present.clear();
      // Others come along, so that parts of the table grow under the readers.
      for (int i = 0; i < kSet; ++i) put(side + "m" + std::to_string(i) + "/");
      for (int i = 0; i < round % 50; ++i) put(side + "extra" + std::to_string(i) + "/");
      publisher.Commit();
      present.push_back(std::make_unique<MountNode>(*stays));
      publisher.ReplaceMount(*present.back());
      publisher.Commit();
    }
    stop = true;
  }
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace plugreload::internal
