#include "etcd/thread.hpp"

#include <pthread.h>
#include <sys/random.h>

#include <utility>

namespace plugreload::etcd {

SignalsBlocked::SignalsBlocked() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before_);
}

SignalsBlocked::~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

std::thread StartThread(const std::string& name, std::function<void()> body) {
  const SignalsBlocked blocked;
  std::thread thread(std::move(body));
  pthread_setname_np(thread.native_handle(), name.substr(0, 15).c_str());
  return thread;
}

std::uint64_t Random() {
  std::uint64_t number = 0;
  // Eight bytes are never cut short, but a signal may come while a machine that boots has no
  // randomness yet.
  while (::getrandom(&number, sizeof(number), 0) != sizeof(number)) {
  }
  return number;
}

Millis Jitter(Millis longest) {
  return Millis(
      static_cast<Millis::rep>(Random() % static_cast<std::uint64_t>(longest.count() + 1)));
}

}  // namespace plugreload::etcd
