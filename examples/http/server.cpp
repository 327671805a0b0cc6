#include "http/server.hpp"

#include <arpa/inet.h>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <exception>
#include <system_error>
#include <utility>

#include "http/json_text.hpp"

namespace example {
namespace {

namespace http = boost::beast::http;

std::string RemoteName(const sockaddr_storage& storage) {
  if (storage.ss_family != AF_INET) return {};
  const auto& name = reinterpret_cast<const sockaddr_in&>(storage);
  char text[INET_ADDRSTRLEN] = {};
  inet_ntop(AF_INET, &name.sin_addr, text, sizeof(text));
  return std::string(text) + ":" + std::to_string(ntohs(name.sin_port));
}

void Send(Stream& stream, HttpResponse& response, bool head, error_code& error) {
  http::response_serializer<http::string_body> serializer(response);
  if (head) {
    http::write_header(stream, serializer, error);
  } else {
    http::write(stream, serializer, error);
  }
}

// What the caller is told when its request could not be read; none when it is gone.
unsigned StatusOfReadError(const error_code& error) {
  if (error == http::error::end_of_stream || error == http::error::partial_message) return 0;
  if (error == http::error::body_limit) return 413;
  if (error == http::error::header_limit) return 431;
  if (error == boost::asio::error::timed_out) return 408;
  return error.category() == boost::system::system_category() ? 0 : 400;
}

}  // namespace

HttpServer::HttpServer(Fd listener, Handler handler, ServerLimits limits)
    : listener_(std::move(listener)), handler_(std::move(handler)), limits_(limits) {
  acceptor_ = std::thread([this] { AcceptLoop(); });
}

HttpServer::~HttpServer() {
  Stop();
  acceptor_.join();
  if (!Finish(-1, Clock::now())) {
    const std::lock_guard lock(mutex_);
    for (Connection& connection : connections_) connection.stream.Abort();
  }
  for (Connection& connection : connections_) connection.thread.join();
}

void HttpServer::Stop() { stop_.Set(); }

bool HttpServer::Finish(int hurry_fd, Clock::time_point deadline) {
  return WaitReadable(idle_.fd(), hurry_fd, deadline) == Ready::kReadable;
}

void HttpServer::AcceptLoop() {
  while (!stop_.IsSet()) {
    if (WaitReadable(listener_.get(), stop_.fd(), Clock::time_point::max()) != Ready::kReadable) {
      break;
    }
    sockaddr_storage name{};
    socklen_t size = sizeof(name);
    Fd fd(accept4(listener_.get(), reinterpret_cast<sockaddr*>(&name), &size, SOCK_CLOEXEC));
    Reap();
    if (fd) {
      Add(std::move(fd), RemoteName(name));
    } else if (errno == EMFILE || errno == ENFILE) {
      poll(nullptr, 0, 10);  // the caller waits in the backlog until a descriptor is free
    }
  }
  listener_ = Fd();
  const std::lock_guard lock(mutex_);
  accepting_ = false;
  if (live_ == 0) idle_.Set();
}

void HttpServer::Add(Fd fd, std::string remote) {
  const std::lock_guard lock(mutex_);
  if (live_ >= limits_.connections) {
    Stream stream(std::move(fd));
    stream.ExpireAt(Clock::now());
    HttpResponse response = ErrorResponse(503, "too many connections");
    response.keep_alive(false);
    error_code ignored;
    Send(stream, response, false, ignored);
    return;
  }
  Connection& connection = connections_.emplace_back(std::move(fd), std::move(remote));
  try {
    connection.thread = std::thread([this, &connection] { Serve(connection); });
    ++live_;
  } catch (const std::system_error&) {
    connections_.pop_back();  // no thread to be had: the caller sees the connection close
  }
}

// Joins the threads of connections that have ended.
void HttpServer::Reap() {
  const std::lock_guard lock(mutex_);
  connections_.remove_if([](Connection& connection) {
    if (!connection.ended) return false;
    connection.thread.join();
    return true;
  });
}

void HttpServer::Serve(Connection& connection) {
  try {
    while (ServeOne(connection)) {
    }
  } catch (const std::exception&) {
    // Out of memory: this connection ends.
  }
  connection.stream.Abort();  // the descriptor itself goes with the entry, in Reap
  const std::lock_guard lock(mutex_);
  if (--live_ == 0 && !accepting_) idle_.Set();
  connection.ended = true;
}

// One request and its response; false when the connection is at its end.
bool HttpServer::ServeOne(Connection& connection) {
  Stream& stream = connection.stream;
  auto& buffer = connection.buffer;
  // The stop ends a connection only between two requests.
  if (buffer.size() == 0 &&
      WaitReadable(stream.fd(), stop_.fd(), Clock::now() + limits_.idle) != Ready::kReadable) {
    return false;
  }
  stream.ExpireAt(Clock::now() + limits_.transfer);
  http::request_parser<http::string_body> parser;
  parser.body_limit(limits_.body_bytes);
  error_code error;
  http::read_header(stream, buffer, parser, error);
  if (!error && boost::beast::iequals(parser.get()[http::field::expect], "100-continue")) {
    http::response<http::empty_body> go_on(http::status::continue_, 11);
    http::write(stream, go_on, error);
  }
  if (!error) http::read(stream, buffer, parser, error);
  const unsigned status = error ? StatusOfReadError(error) : 200;
  if (status == 0) return false;

  HttpResponse response =
      error ? ErrorResponse(status, error.message()) : Handle(parser.get(), connection.remote);
  const bool keep = !error && parser.get().keep_alive() && !stop_.IsSet();
  const bool head = !error && parser.get().method() == http::verb::head;
  response.version(11);
  response.keep_alive(keep);
  stream.ExpireAt(Clock::now() + limits_.transfer);
  error = {};
  Send(stream, response, head, error);
  return keep && !error;
}

HttpResponse HttpServer::Handle(HttpRequest& request, const std::string& remote) {
  try {
    return handler_(request, remote);
  } catch (const std::exception& e) {
    return ErrorResponse(500, e.what());
  }
}

HttpResponse JsonResponse(unsigned status, std::string body) {
  HttpResponse response;
  response.result(status);
  response.set(http::field::cache_control, "no-store");
  if (status == 204) return response;
  response.set(http::field::content_type, "application/json");
  response.body() = std::move(body);
  response.prepare_payload();
  return response;
}

HttpResponse ErrorResponse(unsigned status, std::string_view message) {
  return JsonResponse(status, ErrorBody(message));
}

}  // namespace example
