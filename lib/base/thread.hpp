// base/thread.hpp - threads of the library, with every signal blocked.
#ifndef PLUGRELOAD_BASE_THREAD_HPP_
#define PLUGRELOAD_BASE_THREAD_HPP_

#include <functional>
#include <string>
#include <thread>

namespace plugreload::internal {

// A joinable thread that receives none of the host's signals. `name` is cut to 15 bytes.
std::thread StartThread(const std::string& name, std::function<void()> body);

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_BASE_THREAD_HPP_
