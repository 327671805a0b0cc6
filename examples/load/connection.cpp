#include "load/connection.hpp"

#include <boost/asio/error.hpp>

#include <array>

namespace example {

std::optional<Outcome> Connection::Begin(std::string request) {
  out_ = std::move(request);
  sent_ = 0;
  in_.clear();
  parser_ = std::make_unique<Parser>();
  parser_->eager(true);
  // An idle connection has nothing to read, unless its end.
  if (stream_ && WaitReadable(stream_->fd(), -1, Clock::now()) == Ready::kReadable) stream_.reset();
  if (!stream_) {
    error_code error;
    stream_ = Stream::Connect(endpoint_, Clock::now() + std::chrono::seconds(5), error);
    if (error) return Fail("connect: " + error.message());
    stream_->ExpireAt(Clock::time_point::min());  // from here on nothing waits
  }
  return Continue();
}

std::optional<Outcome> Connection::Continue() {
  if (wants_write()) {
    if (auto outcome = Write()) return outcome;
    if (wants_write()) return std::nullopt;
  }
  return Read();
}

std::optional<Outcome> Connection::Write() {
  while (wants_write()) {
    error_code error;
    sent_ += stream_->write_some(
        boost::asio::const_buffer(out_.data() + sent_, out_.size() - sent_), error);
    if (error == boost::asio::error::timed_out) return std::nullopt;
    if (error) return Fail("write: " + error.message());
  }
  return std::nullopt;
}

std::optional<Outcome> Connection::Read() {
  for (;;) {
    std::array<char, 16 * 1024> buffer;
    error_code error;
    const std::size_t size = stream_->read_some(boost::asio::buffer(buffer), error);
    if (error == boost::asio::error::timed_out) return std::nullopt;
    if (error) return Fail("read: " + error.message());
    in_.append(buffer.data(), size);
    const std::size_t used = parser_->put(boost::asio::buffer(in_), error);
    in_.erase(0, used);
    if (error && error != boost::beast::http::error::need_more) {
      return Fail("response: " + error.message());
    }
    if (parser_->is_done()) return Finish();
  }
}

Outcome Connection::Finish() {
  const auto& response = parser_->get();
  Outcome outcome;
  outcome.version = std::string(response["X-Plugreload-Version"]);
  outcome.generation = std::string(response["X-Plugreload-Generation"]);
  outcome.body = response.body();
  if (response.result_int() != 200 && response.result_int() != 204) {
    outcome.failure = "status " + std::to_string(response.result_int()) + ": " + outcome.body;
  }
  if (!response.keep_alive()) stream_.reset();
  parser_.reset();
  return outcome;
}

Outcome Connection::Fail(const std::string& why) {
  stream_.reset();
  parser_.reset();
  return Outcome{.failure = why, .version = {}, .generation = {}, .body = {}};
}

}  // namespace example
