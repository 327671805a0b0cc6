#include "os/image_cache.hpp"

#include <algorithm>
#include <stop_token>

namespace plugreload::internal {
namespace {
constexpr std::size_t kRecent = 4;
}  // namespace

std::uint64_t ImageCache::copies() const {
  const MutexLock lock(mutex_);
  return copies_;
}

Result<ImageCache::ImagePtr> ImageCache::Sealed(const ImageRequest& request) {
  const bool shared = !request.sha256.empty();
  const Key key(request.path, request.sha256);
  if (shared) {
    Result<ImagePtr> found = FindOrClaim(key, request);
    if (!found.ok() || *found != nullptr) return found;
  }
  try {
    Result<Image> image = SealImage(request);
    if (!image.ok()) {
      if (shared) GiveUp(key);
      return image.status();
    }
    auto made = std::make_shared<const Image>(*std::move(image));
    if (shared) Finish(key, made);
    return ImagePtr(std::move(made));
  } catch (...) {
    // Without memory: the next start tries again, instead of waiting for this one.
    if (shared) GiveUp(key);
    throw;
  }
}

Result<ImageCache::ImagePtr> ImageCache::FindOrClaim(const Key& key, const ImageRequest& request) {
  // Declared first: it must go after the lock, or it would wait for its own callback.
  const std::stop_callback wake(request.cancel, [this] {
    const MutexLock lock(mutex_);
    changed_.NotifyAll();
  });
  const MutexLock lock(mutex_);
  for (;;) {
    Entry& entry = entries_[key];
    if (ImagePtr image = entry.image.lock()) {
      const auto at = std::find(recent_.begin(), recent_.end(), image);
      if (at != recent_.end()) recent_.erase(at);
      recent_.push_back(image);
      return image;
    }
    if (!entry.loading) {
      entry.loading = true;
      return ImagePtr();
    }
    if (request.cancel.stop_requested()) {
      return Status(Code::kCancelled, "cancelled", "cancelled while its file was read");
    }
    if (!changed_.WaitUntil(mutex_, request.deadline)) {
      return Status(Code::kDeadlineExceeded, "handshake_timeout",
                    "the deadline passed while another start read its file");
    }
  }
}

// The next one who waits claims it; a key that nobody waits for is forgotten.
void ImageCache::GiveUp(const Key& key) noexcept {
  const MutexLock lock(mutex_);
  changed_.NotifyAll();
  entries_.erase(key);
}

void ImageCache::Finish(const Key& key, const ImagePtr& image) {
  std::deque<ImagePtr> dropped;  // closed behind the lock
  const MutexLock lock(mutex_);
  changed_.NotifyAll();
  ++copies_;
  entries_[key] = Entry{false, image};
  recent_.push_back(image);
  while (recent_.size() > kRecent) {
    dropped.push_back(std::move(recent_.front()));
    recent_.pop_front();
  }
  std::erase_if(entries_, [](const auto& item) {
    return !item.second.loading && item.second.image.expired();
  });
}

}  // namespace plugreload::internal
