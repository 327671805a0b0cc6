// os/hash_behind.hpp - the digest of a file that is being written, from another processor.
#ifndef PLUGRELOAD_OS_HASH_BEHIND_HPP_
#define PLUGRELOAD_OS_HASH_BEHIND_HPP_

#include <cstddef>
#include <string>
#include <thread>

#include "base/mutex.hpp"
#include "os/fd.hpp"

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
  // The SHA-256 of all that was written; waits for the rest of it. Empty when libcrypto failed.
  // Ends it.
  std::string Hex();

 private:
  void Run(int file);
  void End(bool wanted);

  Mutex mutex_;
  CondVar changed_;
  std::size_t written_ PLUGRELOAD_GUARDED_BY(mutex_) = 0;
  bool ended_ PLUGRELOAD_GUARDED_BY(mutex_) = false;
  bool wanted_ PLUGRELOAD_GUARDED_BY(mutex_) = true;
  std::string hex_;  // the thread's, until it has ended
  std::thread thread_;
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_OS_HASH_BEHIND_HPP_
