#include "os/hash_behind.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/thread.hpp"
#include "os/sha256.hpp"

namespace plugreload::internal {
namespace {
constexpr std::size_t kChunk = 128 * 1024;  // stays in the processor's own cache
}  // namespace

HashBehind::HashBehind(const Fd& file)
    : thread_(StartThread("plug-hash", [this, fd = file.get()] { Run(fd); })) {}

HashBehind::~HashBehind() { End(false); }

void HashBehind::Written(std::size_t size) {
  const MutexLock lock(mutex_);
  written_ += size;
  changed_.NotifyAll();
}

std::string HashBehind::Hex() {
  End(true);
  return hex_;
}

void HashBehind::End(bool wanted) {
  if (!thread_.joinable()) return;
  {
    const MutexLock lock(mutex_);
    ended_ = true;
    wanted_ = wanted;
    changed_.NotifyAll();
  }
  thread_.join();
}

void HashBehind::Run(int file) {
  Sha256 sha;
  std::vector<char> chunk(kChunk);
  for (std::size_t hashed = 0;;) {
    std::size_t written = 0;
    {
      const MutexLock lock(mutex_);
      while (written_ == hashed && !ended_) changed_.Wait(mutex_);
      if (!wanted_) return;
      if (written_ == hashed) break;
      written = written_;
    }
    const auto got = pread(file, chunk.data(), std::min(chunk.size(), written - hashed),
                           static_cast<off_t>(hashed));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    sha.Add(chunk.data(), static_cast<std::size_t>(got));
    hashed += static_cast<std::size_t>(got);
  }
  hex_ = sha.Hex();
}

}  // namespace plugreload::internal
