// support/no_threads.hpp - a host that can make no thread any more.
#ifndef PLUGRELOAD_TESTS_SUPPORT_NO_THREADS_HPP_
#define PLUGRELOAD_TESTS_SUPPORT_NO_THREADS_HPP_

#include <pthread.h>

#include <cstddef>

namespace plugreload::test {

// While it lives, every new thread is refused: its stack would be larger than memory can be.
class NoThreads {
 public:
  NoThreads() {
    pthread_attr_t attributes;
    pthread_getattr_default_np(&attributes);
    pthread_attr_getstacksize(&attributes, &before_);
    pthread_attr_destroy(&attributes);
    Set(std::size_t{1} << 50);
  }
  ~NoThreads() { Set(before_); }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;

 private:
  static void Set(std::size_t size) {
    pthread_attr_t attributes;
    pthread_getattr_default_np(&attributes);
    pthread_attr_setstacksize(&attributes, size);
    pthread_setattr_default_np(&attributes);
    pthread_attr_destroy(&attributes);
  }

  std::size_t before_ = 0;
};

}  // namespace plugreload::test

#endif  // PLUGRELOAD_TESTS_SUPPORT_NO_THREADS_HPP_
