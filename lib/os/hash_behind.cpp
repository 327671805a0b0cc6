#include "os/hash_behind.hpp"

#include <algorithm>

#include "base/thread.hpp"

namespace plugreload::internal {
namespace {
constexpr std::size_t kPiece = 1024 * 1024;  // giving up waits for no more than this
}  // namespace

HashBehind::HashBehind(const char* bytes)
    : thread_(StartThread("plug-hash", [this, bytes] { Run(bytes); })) {}

HashBehind::~HashBehind() { End(State::kGivenUp); }

void HashBehind::Written(std::size_t size) {
  const MutexLock lock(mutex_);
  written_ += size;
  changed_.NotifyAll();
}

std::string HashBehind::Hex() {
  End(State::kWritten);
  return sha_.Hex();
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

void HashBehind::Run(const char* bytes) {
  for (std::size_t hashed = 0, written = 0;; hashed = written) {
    {
      const MutexLock lock(mutex_);
      while (written_ == hashed && state_ == State::kWriting) changed_.Wait(mutex_);
      if (written_ == hashed || state_ == State::kGivenUp) return;
      written = std::min(written_, hashed + kPiece);
    }
    sha_.Add(bytes + hashed, written - hashed);
  }
}

}  // namespace plugreload::internal
