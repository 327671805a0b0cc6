#include "goplugin/stdio.hpp"

#include <utility>

namespace plugreload::goplugin {

StdioStream::StdioStream(std::shared_ptr<grpc::Channel> channel, std::shared_ptr<Pulse> pulse,
                         StdioLimits limits, std::function<void(std::string)> take)
    : channel_(std::move(channel)),
      pulse_(std::move(pulse)),
      limits_(limits),
      take_(std::move(take)) {}

void StdioStream::Begin() {
  const std::lock_guard lock(mutex_);
  under_way_ = true;
  call_.reset(grpc::internal::ClientAsyncReaderFactory<wire::StdioChunk>::Create(
      channel_.get(), pulse_->queue(),
      grpc::internal::RpcMethod(kStreamStdio, grpc::internal::RpcMethod::SERVER_STREAMING),
      &context_, wire::Empty(), false, nullptr));
  call_->StartCall(Pulse::Tag([self = shared_from_this()](bool ok) {
    if (ok) {
      self->ReadNext();
    } else {
      self->Finish();
    }
  }));
}

void StdioStream::ReadNext() {
  call_->Read(&chunk_, Pulse::Tag([self = shared_from_this()](bool ok) { self->TakeChunk(ok); }));
}

void StdioStream::TakeChunk(bool ok) {
  if (!ok) return Finish();
  if (chunk_.channel() == 1 || chunk_.channel() == 2) {
    TakeBytes(lines_.at(static_cast<std::size_t>(chunk_.channel()) - 1), chunk_.data());
  }
  ReadNext();
}

void StdioStream::Finish() {
  call_->Finish(&status_, Pulse::Tag([self = shared_from_this()](bool) { self->EndHere(); }));
}

void StdioStream::EndHere() {
  for (std::string& line : lines_) TakeLine(line);
  call_.reset();
  const std::lock_guard lock(mutex_);
  under_way_ = false;
  idle_.notify_all();
}

void StdioStream::TakeBytes(std::string& line, std::string_view bytes) {
  while (!bytes.empty()) {
    const std::size_t room =
        limits_.line_bytes > line.size() ? limits_.line_bytes - line.size() : 1;
    const std::string_view part = bytes.substr(0, room);
    const std::size_t end = part.find('\n');
    line.append(part.substr(0, end));
    bytes.remove_prefix(end == std::string_view::npos ? part.size() : end + 1);
    if (end != std::string_view::npos || line.size() >= limits_.line_bytes) TakeLine(line);
  }
}

void StdioStream::TakeLine(std::string& line) {
  std::string text = std::exchange(line, {});
  if (!text.empty() && text.back() == '\r') text.pop_back();
  if (text.empty()) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - window_ >= std::chrono::seconds(1)) {
    window_ = now;
    window_bytes_ = 0;
    if (dropped_ > 0) {
      take_(std::to_string(std::exchange(dropped_, 0)) +
            " lines of its output dropped: it writes too much");
    }
  }
  window_bytes_ += text.size() + 1;
  if (window_bytes_ > limits_.bytes_per_second) {
    ++dropped_;
    return;
  }
  take_(std::move(text));
}

void StdioStream::Cancel() {
  const std::lock_guard lock(mutex_);
  if (under_way_) context_.TryCancel();
}

bool StdioStream::WaitIdle(Deadline deadline) {
  std::unique_lock lock(mutex_);
  return idle_.wait_until(lock, deadline, [this] { return !under_way_; });
}

}  // namespace plugreload::goplugin
