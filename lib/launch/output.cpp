#include "launch/output.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "launch/handshake.hpp"

namespace plugreload::internal {
namespace {

constexpr std::size_t kLastLines = 6;
constexpr std::size_t kLastLineBytes = 200;

struct Prefix {
  std::string_view text;
  LogLevel level;
};
constexpr std::array<Prefix, 7> kPrefixes = {{{"[TRACE]", LogLevel::kTrace},
                                              {"[DEBUG]", LogLevel::kDebug},
                                              {"[INFO]", LogLevel::kInfo},
                                              {"[WARN]", LogLevel::kWarn},
                                              {"[WARNING]", LogLevel::kWarn},
                                              {"[ERROR]", LogLevel::kError},
                                              {"[ERR]", LogLevel::kError}}};

bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

}  // namespace

LogLevel TakeLevel(std::string& line) {
  if (line.empty() || line.front() != '[') return LogLevel::kInfo;
  for (const Prefix& prefix : kPrefixes) {
    if (!StartsWith(line, prefix.text)) continue;
    std::size_t end = prefix.text.size();
    while (end < line.size() && line[end] == ' ') ++end;
    line.erase(0, end);
    return prefix.level;
  }
  return LogLevel::kInfo;
}

Output::Output(Courier& courier, Courier::Name instance, OutputLimits limits)
    : courier_(courier),
      instance_(std::move(instance)),
      limits_(limits),
      out_(limits.line_bytes),
      err_(limits.line_bytes) {}

void Output::AddOut(std::string_view bytes) {
  out_.Add(bytes, [this](std::string line) { LogOut(std::move(line)); });
}

void Output::AddErr(std::string_view bytes) {
  err_.Add(bytes, [this](std::string line) { LogErr(std::move(line)); });
}

void Output::End() {
  out_.End([this](std::string line) { LogOut(std::move(line)); });
  err_.End([this](std::string line) { LogErr(std::move(line)); });
  TellDropped();
}

std::string Output::LastWords() const {
  const MutexLock lock(mutex_);
  std::string words;
  for (const std::string& line : last_) {
    if (!words.empty()) words += " | ";
    words += line;
  }
  return words;
}

void Output::LogOut(std::string line) { LogLine(LogLevel::kInfo, std::move(line)); }

void Output::LogErr(std::string line) {
  const bool panic = StartsWith(line, "panic: ") || StartsWith(line, "fatal error: ");
  {
    const MutexLock lock(mutex_);
    // Its trace, which follows, is longer than what is kept, and says less.
    if (panic) last_.clear();
    last_.push_back(Printable(line, kLastLineBytes));
    panicking_ = panicking_ || panic;
    if (last_.size() > kLastLines) last_.erase(last_.begin() + (panicking_ ? 1 : 0));
  }
  const LogLevel level = TakeLevel(line);
  LogLine(panicking_ && level == LogLevel::kInfo ? LogLevel::kError : level, std::move(line));
}

void Output::LogLine(LogLevel level, std::string line) {
  if (!courier_.wants_logs()) return;
  const Clock::time_point now = Clock::now();
  if (now - window_ >= std::chrono::seconds(1)) {
    window_ = now;
    window_bytes_ = 0;
    TellDropped();
  }
  const std::size_t size = line.size() + 1;
  if (window_bytes_ + size > limits_.bytes_per_second) {
    ++dropped_lines_;
    dropped_bytes_ += size;
    return;
  }
  window_bytes_ += size;
  courier_.Log(level, instance_, std::move(line));
}

void Output::TellDropped() {
  if (dropped_lines_ == 0) return;
  courier_.Log(LogLevel::kWarn, instance_,
               fmt::format("{} lines of its output ({} bytes) dropped: it writes more than {} "
                           "bytes per second",
                           dropped_lines_, dropped_bytes_, limits_.bytes_per_second));
  dropped_lines_ = 0;
  dropped_bytes_ = 0;
}

}  // namespace plugreload::internal
