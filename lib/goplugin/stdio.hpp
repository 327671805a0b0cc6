// goplugin/stdio.hpp - what a plugin writes after its handshake, where it comes as a stream.
#ifndef PLUGRELOAD_GOPLUGIN_STDIO_HPP_
#define PLUGRELOAD_GOPLUGIN_STDIO_HPP_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/support/async_stream.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "goplugin/pulse.hpp"
#include "goplugin/wire.hpp"

namespace plugreload::goplugin {

// For what is under way on the pulse and was cancelled, so it ends at once.
inline constexpr Millis kIdlePatience{1'000};

struct StdioLimits {
  std::size_t line_bytes = 64 * 1024;
  std::size_t bytes_per_second = 1024 * 1024;
};

// Reads plugin.GRPCStdio/StreamStdio until it ends: a plugin that has it writes nowhere else, and
// stands still when nobody reads. One that does not have it says so, and that is all.
//
// Thread safety: safe for concurrent use.
class StdioStream : public std::enable_shared_from_this<StdioStream> {
 public:
  // `take` gets each line, on the pulse's thread.
  StdioStream(std::shared_ptr<grpc::Channel> channel, std::shared_ptr<Pulse> pulse,
              StdioLimits limits, std::function<void(std::string)> take);

  void Begin();
  void Cancel();
  // The stream has ended.
  bool WaitIdle(Deadline deadline);

 private:
  void ReadNext();
  void TakeChunk(bool ok);
  void TakeBytes(std::string& line, std::string_view bytes);
  void TakeLine(std::string& line);
  void Finish();
  void EndHere();

  const std::shared_ptr<grpc::Channel> channel_;
  const std::shared_ptr<Pulse> pulse_;
  const StdioLimits limits_;
  const std::function<void(std::string)> take_;

  // Of the pulse's thread.
  std::unique_ptr<grpc::ClientAsyncReader<wire::StdioChunk>> call_;
  wire::StdioChunk chunk_;
  grpc::Status status_;
  std::array<std::string, 2> lines_;
  std::chrono::steady_clock::time_point window_;
  std::size_t window_bytes_ = 0;
  std::size_t dropped_ = 0;

  std::mutex mutex_;
  std::condition_variable idle_;
  bool under_way_ = false;
  grpc::ClientContext context_;
};

}  // namespace plugreload::goplugin

#endif  // PLUGRELOAD_GOPLUGIN_STDIO_HPP_
