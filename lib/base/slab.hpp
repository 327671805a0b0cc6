// base/slab.hpp - objects of one kind side by side, at the same place for ever.
#ifndef PLUGRELOAD_BASE_SLAB_HPP_
#define PLUGRELOAD_BASE_SLAB_HPP_

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <utility>
#include <vector>

#include "base/large_pages.hpp"

namespace plugreload::internal {

// Their memory is never given back while the slab lives. Objects that come back are handed out
// again as they are.
//
// Thread safety: none of its own.
template <typename T>
class Slab {
 public:
  Slab() = default;
  ~Slab() {
    for (const Block& block : blocks_) std::destroy_n(block.objects, block.made);
  }
  Slab(const Slab&) = delete;
  Slab& operator=(const Slab&) = delete;

  // How many there are, handed out or not.
  std::size_t size() const { return size_; }
  bool all_taken() const { return free_.empty(); }

  // The one that came back last, if any did; else a new one, which `make` gets together with how
  // many there were before. Throws std::bad_alloc.
  template <typename Make>
  T* Take(const Make& make) {
    if (!free_.empty()) {
      T* const object = free_.back();
      free_.pop_back();
      return object;
    }
    if (blocks_.empty() || blocks_.back().made == blocks_.back().capacity) AddBlock();
    Block& block = blocks_.back();
    T* const object = new (block.objects + block.made) T();
    ++block.made;
    make(*object, size_++);
    return object;
  }
  void GiveBack(T* object) noexcept { free_.push_back(object); }

 private:
  static constexpr std::size_t kLeast = 64, kMost = LargePages::kSize / sizeof(T);
  static_assert(kLeast <= kMost);

  struct Free {
    void operator()(T* memory) const { ::operator delete(memory, std::align_val_t(alignof(T))); }
  };
  struct Block {
    std::unique_ptr<T, Free> small;
    LargePages large;
    T* objects = nullptr;
    std::size_t capacity = 0, made = 0;
  };
  // A quarter as many again, so that a small host pays for little that it does not use.
  void AddBlock() {
    Block block;
    block.capacity = std::clamp(size_ / 4, kLeast, kMost);
    free_.reserve(size_ + block.capacity);  // so that giving back never allocates
    if (block.capacity == kMost) {
      block.large = LargePages(LargePages::kSize);
      block.objects = static_cast<T*>(block.large.data());
    } else {
      block.small.reset(static_cast<T*>(
          ::operator new(block.capacity * sizeof(T), std::align_val_t(alignof(T)))));
      block.objects = block.small.get();
    }
    blocks_.push_back(std::move(block));
  }

  std::vector<Block> blocks_;
  std::vector<T*> free_;
  std::size_t size_ = 0;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_BASE_SLAB_HPP_
