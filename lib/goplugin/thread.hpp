// goplugin/thread.hpp - a thread that takes none of the host's signals.
#ifndef PLUGRELOAD_GOPLUGIN_THREAD_HPP_
#define PLUGRELOAD_GOPLUGIN_THREAD_HPP_

#include <pthread.h>
#include <signal.h>

#include <functional>
#include <thread>
#include <utility>

namespace plugreload::goplugin {

// `name` has 15 characters at most. Throws std::system_error as std::thread does.
inline std::thread StartThread(const char* name, std::function<void()> body) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  // Inherited by the new thread from its first instruction on.
  pthread_sigmask(SIG_SETMASK, &all, &before);
  std::thread thread;
  try {
    thread = std::thread(std::move(body));
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(thread.native_handle(), name);
  return thread;
}

// From a destructor that may run on the thread itself, which cannot wait for its own end.
inline void JoinOrLeave(std::thread& thread) {
  if (thread.get_id() == std::this_thread::get_id()) {
    thread.detach();
  } else {
    thread.join();
  }
}

}  // namespace plugreload::goplugin

#endif  // PLUGRELOAD_GOPLUGIN_THREAD_HPP_
