// load/connection.hpp - one keep-alive connection that carries one request at a time.
#ifndef EXAMPLES_LOAD_CONNECTION_HPP_
#define EXAMPLES_LOAD_CONNECTION_HPP_

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <memory>
#include <optional>
#include <string>

#include "http/stream.hpp"

namespace example {

// What became of a request. An empty `failure` is success.
struct Outcome {
  std::string failure;
  std::string version;     // of X-Plugreload-Version
  std::string generation;  // of X-Plugreload-Generation
  std::string body;
};

// Nothing blocks except the connect. There are no retries: a request that cannot be sent, or whose
// connection breaks, has failed.
class Connection {
 public:
  explicit Connection(std::string endpoint) : endpoint_(std::move(endpoint)) {}

  bool idle() const { return !parser_; }
  int fd() const { return stream_ ? stream_->fd() : -1; }
  bool wants_write() const { return sent_ < out_.size(); }

  // REQUIRES: idle(). Connects first when the server has closed the idle connection.
  std::optional<Outcome> Begin(std::string request);
  // REQUIRES: !idle(). Goes on as far as it can; the outcome when the request has ended.
  std::optional<Outcome> Continue();
  // REQUIRES: !idle().
  Outcome Fail(const std::string& why);

 private:
  using Parser = boost::beast::http::response_parser<boost::beast::http::string_body>;

  std::optional<Outcome> Write();
  std::optional<Outcome> Read();
  Outcome Finish();

  const std::string endpoint_;
  std::optional<Stream> stream_;
  std::string out_;
  std::size_t sent_ = 0;
  std::string in_;
  std::unique_ptr<Parser> parser_;
};

}  // namespace example

#endif  // EXAMPLES_LOAD_CONNECTION_HPP_
