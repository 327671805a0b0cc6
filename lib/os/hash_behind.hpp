// os/hash_behind.hpp - the digest of bytes that are being written, from another processor.
#ifndef PLUGRELOAD_OS_HASH_BEHIND_HPP_
#define PLUGRELOAD_OS_HASH_BEHIND_HPP_

#include <cstddef>
#include <string>
#include <thread>

#include "base/mutex.hpp"
#include "os/sha256.hpp"

namespace plugreload::internal {

// Hashes what the writer says is written, and waits for nothing but the writer.
//
// Thread safety: for one thread, the writer's.
class HashBehind {
 public:
  // Where the first byte will be. Throws std::system_error when there is no thread to be had.
  explicit HashBehind(const char* bytes);
  // Without Hex: gives up.
  ~HashBehind();
  HashBehind(const HashBehind&) = delete;
  HashBehind& operator=(const HashBehind&) = delete;

  void Written(std::size_t size);  // so many bytes more
  // The SHA-256 of all that was written; waits for the rest of it. Empty when libcrypto failed.
  // Ends it.
  std::string Hex();

 private:
  enum class State { kWriting, kWritten, kGivenUp };
  void Run(const char* bytes);
  void End(State state);

  Sha256 sha_;  // the thread's until it has ended

  Mutex mutex_;
  CondVar changed_;
  std::size_t written_ PLUGRELOAD_GUARDED_BY(mutex_) = 0;
  State state_ PLUGRELOAD_GUARDED_BY(mutex_) = State::kWriting;
  std::thread thread_;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_OS_HASH_BEHIND_HPP_
