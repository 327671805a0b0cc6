#include "namespaces/route_memory.hpp"

#include <algorithm>
#include <memory>

#include "namespaces/route_table.hpp"

namespace plugreload::internal {
namespace {

// A table of 256 such parts has four large pages' worth.
constexpr std::size_t kLeastLarge = 32'768;

std::uintptr_t ChunkOf(const void* memory) {
  return reinterpret_cast<std::uintptr_t>(memory) / LargePages::kSize * LargePages::kSize;
}

}  // namespace

RouteEntry* RouteMemory::Take(std::size_t capacity) {
  const std::size_t bytes = capacity * sizeof(RouteEntry);
  if (bytes < kLeastLarge) return new RouteEntry[capacity];
  RouteEntry* const entries = TakeLarge(bytes);
  std::uninitialized_default_construct_n(entries, capacity);
  return entries;
}

void RouteMemory::GiveBack(RouteEntry* entries, std::size_t capacity) {
  const std::size_t bytes = capacity * sizeof(RouteEntry);
  if (bytes < kLeastLarge) {
    delete[] entries;
  } else {
    std::destroy_n(entries, capacity);
    GiveBackLarge(entries, bytes);
  }
}

RouteEntry* RouteMemory::TakeLarge(std::size_t bytes) {
  std::vector<char*>& free = free_[bytes];
  if (free.empty()) {
    Chunk chunk{LargePages(bytes)};
    char* const begin = static_cast<char*>(chunk.pages.data());
    // So that giving back never allocates: all that there is may come at once.
    const std::size_t arrays = std::max(LargePages::kSize / bytes, std::size_t{1});
    free.reserve((chunks_.size() + 1) * arrays);
    chunks_.emplace(ChunkOf(begin), std::move(chunk));
    for (std::size_t i = arrays; i-- > 0;) free.push_back(begin + i * bytes);
  }
  char* const memory = free.back();
  free.pop_back();
  ++chunks_.at(ChunkOf(memory)).taken;
  return reinterpret_cast<RouteEntry*>(memory);
}

void RouteMemory::GiveBackLarge(RouteEntry* entries, std::size_t bytes) {
  char* const memory = reinterpret_cast<char*>(entries);
  const auto chunk = chunks_.find(ChunkOf(memory));
  std::vector<char*>& free = free_[bytes];
  free.push_back(memory);
  if (--chunk->second.taken != 0) return;
  std::erase_if(free, [&](const char* one) { return ChunkOf(one) == chunk->first; });
  chunks_.erase(chunk);
}

}  // namespace plugreload::internal
