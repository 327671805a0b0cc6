// namespaces/route_memory.hpp - where the parts of the route table lie.
#ifndef PLUGRELOAD_NAMESPACES_ROUTE_MEMORY_HPP_
#define PLUGRELOAD_NAMESPACES_ROUTE_MEMORY_HPP_

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "base/large_pages.hpp"

namespace plugreload::internal {

struct RouteEntry;

// Arrays of empty entries, each a power of two long. Those of a table that is large lie side by
// side in large pages, which go when the last array in them does.
//
// Thread safety: none of its own.
class RouteMemory {
 public:
  RouteMemory() = default;
  RouteMemory(const RouteMemory&) = delete;
  RouteMemory& operator=(const RouteMemory&) = delete;

  RouteEntry* Take(std::size_t capacity);
  void GiveBack(RouteEntry* entries, std::size_t capacity);

 private:
  struct Chunk {
    LargePages pages;
    std::size_t taken = 0;  // arrays
  };
  RouteEntry* TakeLarge(std::size_t bytes);
  void GiveBackLarge(RouteEntry* entries, std::size_t bytes);

  std::map<std::uintptr_t, Chunk> chunks_;          // by their address
  std::map<std::size_t, std::vector<char*>> free_;  // in them, by size
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_NAMESPACES_ROUTE_MEMORY_HPP_
