// What goes on when an allocation fails.
#include <sys/stat.h>

#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <new>
#include <string>

#include "os/image_cache.hpp"
#include "support/catch.hpp"
#include "support/leaks.hpp"
#include "support/plugins.hpp"

// Sanitizers have an operator new of their own.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

namespace {
// How many allocations this thread still gets; below 0: all it wants.
thread_local int allocations_left = -1;
}  // namespace

void* operator new(std::size_t size) {
  if (allocations_left == 0) throw std::bad_alloc();
  if (allocations_left > 0) --allocations_left;
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace plugreload::internal {
namespace {

using test::LeakCheck;

TEST_CASE("a copy that memory runs out for is made by the next start", "[os][image]") {
  LeakCheck leaks;
  const std::string path = leaks.scratch() + "/program";
  std::ofstream(path) << std::string(std::size_t{2} << 20, 'x');
  REQUIRE(chmod(path.c_str(), 0700) == 0);
  ImageRequest request{path, test::Sha256OfFile(path), 2 << 20, After(Millis{10'000}), {}};
  int failed = 0;
  for (int left = 0, last = -1; failed != last; ++left) {
    ImageCache images;
    last = failed;
    try {
      allocations_left = left;
      const auto image = images.Sealed(request);
      allocations_left = -1;
      if (!image.ok()) ++failed;
    } catch (const std::bad_alloc&) {
      allocations_left = -1;
      ++failed;
    }
    request.deadline = After(Millis{10'000});
    INFO("after " << left << " allocations");
    REQUIRE(images.Sealed(request).ok());
  }
  CHECK(failed > 0);
}

}  // namespace
}  // namespace plugreload::internal

#endif
