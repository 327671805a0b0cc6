#include "sqlite/thread.hpp"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace plugreload::sqlite {
namespace {

// Blocked before the thread exists, so that there is no moment in which it could take one.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

std::thread StartThread(const std::string& name, std::function<void()> body) {
  const SignalsBlocked blocked;
  std::thread thread(std::move(body));
  pthread_setname_np(thread.native_handle(), name.substr(0, 15).c_str());
  return thread;
}

bool Turn::Take(Deadline deadline) {
  std::unique_lock lock(mutex_);
  while (taken_) {
    const Deadline now = std::chrono::steady_clock::now();
    if (now >= deadline) return false;
    // A day at a time: libstdc++ overflows when it converts the latest point there is.
    free_.wait_until(lock, std::min(deadline, now + std::chrono::hours(24)));
  }
  taken_ = true;
  return true;
}

void Turn::GiveBack() {
  const std::lock_guard lock(mutex_);
  taken_ = false;
  free_.notify_one();
}

}  // namespace plugreload::sqlite
