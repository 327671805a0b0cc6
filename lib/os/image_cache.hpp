// os/image_cache.hpp - one sealed image per version, shared by its instances.
#ifndef PLUGRELOAD_OS_IMAGE_CACHE_HPP_
#define PLUGRELOAD_OS_IMAGE_CACHE_HPP_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/mutex.hpp"
#include "os/image.hpp"

namespace plugreload::internal {

// Sealed images by path and digest. A version is copied and hashed once, however many of its
// instances start at the same time. Images in use stay; of the others the last few used, so that a
// restart need not hash again. Files without a wanted digest are not shared: their bytes may
// differ each time.
//
// Thread safety: safe for concurrent use; no lock is held while a file is read.
class ImageCache {
 public:
  using ImagePtr = std::shared_ptr<const Image>;

  Result<ImagePtr> Sealed(const ImageRequest& request);

  // How many files were copied so far; for tests.
  std::uint64_t copies() const;

 private:
  using Key = std::pair<std::string, std::string>;
  struct Entry {
    bool loading = false;
    std::weak_ptr<const Image> image;
  };
  // A ready image, or null: the caller is the one to load it.
  Result<ImagePtr> FindOrClaim(const Key& key, const ImageRequest& request);
  void GiveUp(const Key& key) noexcept;
  void Finish(const Key& key, const ImagePtr& image);

  mutable Mutex mutex_;
  CondVar changed_;
  std::map<Key, Entry> entries_ PLUGRELOAD_GUARDED_BY(mutex_);
  std::deque<ImagePtr> recent_ PLUGRELOAD_GUARDED_BY(mutex_);
  std::uint64_t copies_ PLUGRELOAD_GUARDED_BY(mutex_) = 0;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_OS_IMAGE_CACHE_HPP_
