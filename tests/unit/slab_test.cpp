#include "base/slab.hpp"

#include <array>
#include <cstddef>
#include <iterator>
#include <set>
#include <vector>

#include "support/catch.hpp"

namespace plugreload::internal {
namespace {

// So large that a few thousand reach the large pages.
struct Thing {
  ~Thing() {
    if (ends != nullptr) ++*ends;
  }
  std::size_t number = 0;
  std::size_t* ends = nullptr;
  std::array<char, 4'080> rest{};
};

TEST_CASE("a slab's objects are made once each, stay, and come again as they went", "[base]") {
  constexpr std::size_t kThings = 5'000;
  std::size_t ends = 0;
  {
    Slab<Thing> slab;
    const auto take = [&] {
      return slab.Take([&](Thing& thing, std::size_t number) {
        thing.number = number;
        thing.ends = &ends;
      });
    };
    std::vector<Thing*> things;
    std::set<const Thing*> places;
    for (std::size_t i = 0; i < kThings; ++i) {
      things.push_back(take());
      REQUIRE(things.back()->number == i);
      // It does not lie in another one.
      const auto next = places.insert(things.back()).first;
      if (next != places.begin()) REQUIRE(*std::prev(next) + 1 <= *next);
      if (std::next(next) != places.end()) REQUIRE(*next + 1 <= *std::next(next));
    }
    CHECK(slab.size() == kThings);
    CHECK(slab.all_taken());
    for (Thing* thing : things) slab.GiveBack(thing);
    CHECK_FALSE(slab.all_taken());
    for (std::size_t i = kThings; i-- > 0;) {
      Thing* const again = take();
      REQUIRE(again == things[i]);
      REQUIRE(again->number == i);
    }
    CHECK(slab.all_taken());
    CHECK(slab.size() == kThings);
    CHECK(ends == 0);
  }
  CHECK(ends == kThings);
}

}  // namespace
}  // namespace plugreload::internal
