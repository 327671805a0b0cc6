// launch/output.hpp - what a child writes, as log lines with limits, and its last words.
#ifndef PLUGRELOAD_LAUNCH_OUTPUT_HPP_
#define PLUGRELOAD_LAUNCH_OUTPUT_HPP_

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>

#include "base/mutex.hpp"
#include "launch/courier.hpp"

namespace plugreload::internal {

struct OutputLimits {
  std::size_t line_bytes = 64 * 1024;
  std::size_t bytes_per_second = 1024 * 1024;
};

// Cuts one stream into lines; a line longer than the limit comes in pieces.
class LineCutter {
 public:
  explicit LineCutter(std::size_t limit) : limit_(limit > 0 ? limit : 1) {}

  template <typename Take>
  void Add(std::string_view bytes, Take take) {
    while (!bytes.empty()) {
      const std::size_t end = bytes.substr(0, limit_ - line_.size()).find('\n');
      if (end != std::string_view::npos) {
        line_.append(bytes.substr(0, end));
        bytes.remove_prefix(end + 1);
        Flush(take);
        continue;
      }
      const std::size_t part = std::min(bytes.size(), limit_ - line_.size());
      line_.append(bytes.substr(0, part));
      bytes.remove_prefix(part);
      if (line_.size() == limit_) Flush(take);
    }
  }
  // The rest without a newline, at the end.
  template <typename Take>
  void End(Take take) {
    if (!line_.empty()) Flush(take);
  }

 private:
  template <typename Take>
  void Flush(Take take) {
    std::string line;
    line.swap(line_);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) take(std::move(line));
  }

  const std::size_t limit_;
  std::string line_;
};

// The level a line begins with ("[WARN] "), taken off the line; kInfo without.
LogLevel TakeLevel(std::string& line);

// Thread safety: LastWords from any thread, the rest from one.
class Output {
 public:
  Output(Courier& courier, Courier::Name instance, OutputLimits limits);

  void AddOut(std::string_view bytes);
  void AddErr(std::string_view bytes);
  // Nothing more comes.
  void End();

  // The last lines of stderr in one, " | " between them, the message of a Go panic first; empty
  // when there were none.
  std::string LastWords() const;

 private:
  using Clock = std::chrono::steady_clock;
  void LogOut(std::string line);
  void LogErr(std::string line);
  void LogLine(LogLevel level, std::string line);
  void TellDropped();

  Courier& courier_;
  const Courier::Name instance_;
  const OutputLimits limits_;
  LineCutter out_;
  LineCutter err_;
  bool panicking_ = false;
  Clock::time_point window_;
  std::size_t window_bytes_ = 0;
  std::uint64_t dropped_lines_ = 0;
  std::uint64_t dropped_bytes_ = 0;

  mutable Mutex mutex_;
  std::deque<std::string> last_ PLUGRELOAD_GUARDED_BY(mutex_);
};

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_LAUNCH_OUTPUT_HPP_
