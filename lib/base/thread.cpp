#include "base/thread.hpp"

#include <pthread.h>
#include <signal.h>

#include <utility>

namespace plugreload::internal {

std::thread StartThread(const std::string& name, std::function<void()> body) {
  // Blocked before the thread exists, so that there is no moment in which it could take one.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread;
  try {
    thread = std::thread(std::move(body));
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(thread.native_handle(), name.substr(0, 15).c_str());
  return thread;
}

}  // namespace plugreload::internal
