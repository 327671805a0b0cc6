// base/large_pages.hpp - memory for what is large and looked up at random.
#ifndef PLUGRELOAD_BASE_LARGE_PAGES_HPP_
#define PLUGRELOAD_BASE_LARGE_PAGES_HPP_

#include <cstddef>
#include <utility>

namespace plugreload::internal {

// Whole pages of 2 MiB where the kernel has them to give (transparent huge pages on "madvise" or
// "always"), of the usual size otherwise: a look-up at random in hundreds of megabytes waits for
// the tables of small pages about as long as for the data. All bytes are 0 at first, and cost
// nothing until they are touched.
class LargePages {
 public:
  static constexpr std::size_t kSize = std::size_t{1} << 21;

  LargePages() = default;
  // Rounded up to whole pages. Throws std::bad_alloc.
  explicit LargePages(std::size_t bytes);
  ~LargePages();
  LargePages(LargePages&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  LargePages& operator=(LargePages&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }

  void* data() const { return data_; }  // aligned to kSize; null: moved from
  std::size_t size() const { return size_; }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_BASE_LARGE_PAGES_HPP_
