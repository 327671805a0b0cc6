// http/server.hpp - an HTTP/1.1 server with one thread per connection.
#ifndef EXAMPLES_HTTP_SERVER_HPP_
#define EXAMPLES_HTTP_SERVER_HPP_

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <cstddef>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <thread>

#include "http/stream.hpp"

namespace example {

using HttpRequest = boost::beast::http::request<boost::beast::http::string_body>;
using HttpResponse = boost::beast::http::response<boost::beast::http::string_body>;

struct ServerLimits {
  std::size_t connections = 512;
  std::size_t body_bytes = 32 * 1024 * 1024;
  std::chrono::seconds idle{300};     // between two requests of a connection
  std::chrono::seconds transfer{60};  // to read one request, and to write one response
};

// Carries out one request; called on the connection's thread, and may block. `remote` is the
// caller's address, empty on a unix socket. What it throws becomes a 500.
using Handler = std::function<HttpResponse(HttpRequest& request, const std::string& remote)>;

// Serves keep-alive connections. A thread each is the simplest form in which a request may wait
// for a plugin without holding up another one.
//
// Thread safety: Stop from any thread; the rest from the thread that made it.
class HttpServer {
 public:
  HttpServer(Fd listener, Handler handler, ServerLimits limits);
  // As Stop, Finish with no time, and Abort.
  ~HttpServer();

  // Stops accepting, closes idle connections, and lets requests that have begun finish.
  void Stop();
  // After Stop: waits until the last connection has ended; false when `hurry_fd` (-1: none) became
  // readable or the deadline passed first.
  bool Finish(int hurry_fd, Clock::time_point deadline);

 private:
  struct Connection {
    Connection(Fd fd, std::string name) : stream(std::move(fd)), remote(std::move(name)) {}
    Stream stream;
    std::string remote;
    boost::beast::flat_buffer buffer;  // what was read beyond the current request
    bool ended = false;                // guarded by mutex_
    std::thread thread;
  };

  void AcceptLoop();
  void Add(Fd fd, std::string remote);
  void Reap();
  void Serve(Connection& connection);
  bool ServeOne(Connection& connection);
  HttpResponse Handle(HttpRequest& request, const std::string& remote);

  Fd listener_;
  const Handler handler_;
  const ServerLimits limits_;
  StopEvent stop_;
  StopEvent idle_;  // stopped, and no connection is left
  std::mutex mutex_;
  std::list<Connection> connections_;  // guarded by mutex_
  std::size_t live_ = 0;               // guarded by mutex_
  bool accepting_ = true;              // guarded by mutex_
  std::thread acceptor_;
};

// A JSON answer. An empty body with status 204.
HttpResponse JsonResponse(unsigned status, std::string body);
HttpResponse ErrorResponse(unsigned status, std::string_view message);

}  // namespace example

#endif  // EXAMPLES_HTTP_SERVER_HPP_
