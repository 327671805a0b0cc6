#include "http_host/plugin_pool.hpp"

#include <optional>

namespace example {

Stream PluginPool::Take(Clock::time_point deadline, error_code& error) {
  for (;;) {
    std::optional<Stream> stream;
    {
      const std::lock_guard lock(mutex_);
      if (idle_.empty()) break;
      stream.emplace(std::move(idle_.back()));
      idle_.pop_back();
    }
    // An idle connection that has something to read has ended, or is not what it should be.
    if (WaitReadable(stream->fd(), -1, Clock::now()) == Ready::kTimeout) {
      error = {};
      return std::move(*stream);
    }
  }
  return Connect(deadline, error);
}

Stream PluginPool::Connect(Clock::time_point deadline, error_code& error) const {
  return Stream::Connect(endpoint_, deadline, error);
}

void PluginPool::Give(Stream stream) {
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(stream));
}

}  // namespace example
