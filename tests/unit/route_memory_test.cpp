#include "namespaces/route_memory.hpp"

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "namespaces/route_table.hpp"
#include "support/catch.hpp"

namespace plugreload::internal {
namespace {

bool Mapped(const void* memory) {
  const auto page = reinterpret_cast<std::uintptr_t>(memory) / 4096 * 4096;
  return msync(reinterpret_cast<void*>(page), 4096, MS_ASYNC) == 0;
}

TEST_CASE("arrays of entries are empty and apart, in pages that go with the last of them",
          "[namespaces]") {
  RouteMemory memory;
  // Of the heap, many in a large page, all of one, and more than one.
  for (const std::size_t capacity : {4U, 256U, 512U, 4'096U, 32'768U, 65'536U}) {
    const std::size_t arrays = capacity < 32'768 ? 200 : 3;
    for (int round = 0; round < 2; ++round) {
      std::vector<RouteEntry*> taken;
      for (std::size_t i = 0; i < arrays; ++i) {
        RouteEntry* const entries = memory.Take(capacity);
        REQUIRE(reinterpret_cast<std::uintptr_t>(entries) % 64 == 0);
        for (std::size_t place = 0; place < capacity; ++place) {
          REQUIRE(entries[place].tag.exchange(7) == RouteEntry::kEmpty);
        }
        taken.push_back(entries);
      }
      for (std::size_t i = 0; i < arrays; ++i) memory.GiveBack(taken[i], capacity);
      if (capacity < 512) continue;
      for (const RouteEntry* entries : taken) REQUIRE_FALSE(Mapped(entries));
    }
  }
}

TEST_CASE("a page stays for as long as one array in it is in use", "[namespaces]") {
  constexpr std::size_t kCapacity = 4'096, kInPage = LargePages::kSize / (kCapacity * 64);
  RouteMemory memory;
  std::vector<RouteEntry*> taken;
  for (std::size_t i = 0; i < kInPage; ++i) taken.push_back(memory.Take(kCapacity));
  RouteEntry* const last = taken.back();
  taken.pop_back();
  last->tag = 9;
  for (RouteEntry* entries : taken) memory.GiveBack(entries, kCapacity);
  REQUIRE(Mapped(last));
  CHECK(last->tag == 9);
  // What came back is used before another page is asked for.
  for (std::size_t i = 0; i < taken.size(); ++i) {
    RouteEntry* const again = memory.Take(kCapacity);
    const auto page = [](const RouteEntry* entries) {
      return reinterpret_cast<std::uintptr_t>(entries) / LargePages::kSize;
    };
    REQUIRE(page(again) == page(last));
  }
}

}  // namespace
}  // namespace plugreload::internal
