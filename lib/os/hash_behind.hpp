// os/hash_behind.hpp - the digest of a file that is being written, from another processor.
#ifndef PLUGRELOAD_OS_HASH_BEHIND_HPP_
#define PLUGRELOAD_OS_HASH_BEHIND_HPP_

#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.hpp"
#include "os/fd.hpp"
#include "os/sha256.hpp"

namespace plugreload::internal {

// Reads back what the writer says is written. Nothing it does waits for anything but the writer:
// the file is in memory.
//
// Thread safety: for one thread, the writer's.
class HashBehind {
 public:
  // Throws std::system_error when there is no thread to be had.
  explicit HashBehind(const Fd& file);
  // Without Hex: gives up.
  ~HashBehind();
  HashBehind(const HashBehind&) = delete;
  HashBehind& operator=(const HashBehind&) = delete;

  void Written(std::size_t size);  // so many bytes more
  // The SHA-256 of all that was written; waits for the rest of it. Empty when libcrypto failed, or
  // the file could not be read back. Ends it.
  std::string Hex();

 private:
  enum class State { kWriting, kWritten, kGivenUp };
  void Run(int file);
  void End(State state);

  // The thread's until it has ended; made before, for an exception has nowhere to go there.
  Sha256 sha_;
  std::vector<char> chunk_;
  std::size_t hashed_ = 0;

  Mutex mutex_;
  CondVar changed_;
  std::size_t written_ PLUGRELOAD_GUARDED_BY(mutex_) = 0;
  State state_ PLUGRELOAD_GUARDED_BY(mutex_) = State::kWriting;
  std::thread thread_;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_OS_HASH_BEHIND_HPP_
