// etcd/thread.hpp - threads with every signal blocked, and random numbers that differ for ever.
#ifndef PLUGRELOAD_ETCD_THREAD_HPP_
#define PLUGRELOAD_ETCD_THREAD_HPP_

#include <signal.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

#include "plugreload/types.hpp"

namespace plugreload::etcd {

// While it lives, threads that this one starts begin with every signal blocked.
class SignalsBlocked {
 public:
  SignalsBlocked();
  ~SignalsBlocked();
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

// A joinable thread that receives none of the host's signals. Throws std::system_error.
std::thread StartThread(const std::string& name, std::function<void()> body);

// From the kernel.
std::uint64_t Random();
// Between nothing and `longest`, so that those who failed together do not try again together.
Millis Jitter(Millis longest);

inline Deadline Now() { return std::chrono::steady_clock::now(); }

}  // namespace plugreload::etcd

#endif  // PLUGRELOAD_ETCD_THREAD_HPP_
