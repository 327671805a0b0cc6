#include "os/hash_behind.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/thread.hpp"

namespace plugreload::internal {
namespace {
constexpr std::size_t kChunk = 128 * 1024;  // stays in the processor's own cache
}  // namespace

HashBehind::HashBehind(const Fd& file)
    : chunk_(kChunk), thread_(StartThread("plug-hash", [this, fd = file.get()] { Run(fd); })) {}

HashBehind::~HashBehind() { End(State::kGivenUp); }

void HashBehind::Written(std::size_t size) {
  const MutexLock lock(mutex_);
  written_ += size;
  changed_.NotifyAll();
}

std::string HashBehind::Hex() {
  End(State::kWritten);
  const MutexLock lock(mutex_);
  return hashed_ == written_ ? sha_.Hex() : std::string();
}

void HashBehind::End(State state) {
  if (!thread_.joinable()) return;
  {
    const MutexLock lock(mutex_);
    state_ = state;
    changed_.NotifyAll();
  }
  thread_.join();
}

void HashBehind::Run(int file) {
  for (;;) {
    std::size_t left = 0;
    {
      const MutexLock lock(mutex_);
      while (written_ == hashed_ && state_ == State::kWriting) changed_.Wait(mutex_);
      if (written_ == hashed_ || state_ == State::kGivenUp) return;
      left = written_ - hashed_;
    }
    const auto got =
        pread(file, chunk_.data(), std::min(chunk_.size(), left), static_cast<off_t>(hashed_));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    sha_.Add(chunk_.data(), static_cast<std::size_t>(got));
    hashed_ += static_cast<std::size_t>(got);
  }
}

}  // namespace plugreload::internal
