#include "http_host/forward.hpp"

#include <boost/asio/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/write.hpp>

#include <algorithm>
#include <cctype>
#include <string>

#include "http_host/plugin_pool.hpp"

namespace example {
namespace {

namespace http = boost::beast::http;
using plugreload::MountEntry;
using plugreload::PluginLease;

constexpr std::size_t kMaxResponseBytes = 64 * 1024 * 1024;

bool StartsWithIgnoringCase(boost::beast::string_view text, boost::beast::string_view prefix) {
  return boost::beast::iequals(text.substr(0, prefix.size()), prefix);
}

// Headers that belong to one connection (RFC 9110, 7.6.1), or that each hop writes anew.
bool IsHopByHop(http::field name) {
  switch (name) {
    case http::field::connection:
    case http::field::content_length:
    case http::field::expect:
    case http::field::keep_alive:
    case http::field::proxy_authenticate:
    case http::field::proxy_authorization:
    case http::field::proxy_connection:
    case http::field::te:
    case http::field::trailer:
    case http::field::transfer_encoding:
    case http::field::upgrade:
      return true;
    default:
      return false;
  }
}

template <typename Message>
void CopyHeaders(const Message& from, Message& to) {
  http::token_list named(from[http::field::connection]);
  for (const auto& field : from) {
    if (IsHopByHop(field.name()) || named.exists(field.name_string()) ||
        StartsWithIgnoringCase(field.name_string(), "x-plugreload-")) {
      continue;
    }
    to.insert(field.name(), field.name_string(), field.value());
  }
}

bool IsHeaderName(const std::string& text) {
  const auto allowed = [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_'; };
  return !text.empty() && std::all_of(text.begin(), text.end(), allowed);
}

bool IsHeaderValue(const std::string& text) {
  const auto control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
  return std::none_of(text.begin(), text.end(), control);
}

HttpRequest ToPlugin(const PluginLease& lease, HttpRequest& request, std::string_view query) {
  const MountEntry& mount = lease.mount();
  HttpRequest out;
  out.version(11);
  out.method_string(request.method_string());
  out.target("/" + std::string(lease.rest()) + std::string(query));
  CopyHeaders(request, out);
  out.erase("X-Vault-Token");
  out.erase(http::field::authorization);
  out.set("X-Plugreload-Namespace", mount.ns);
  out.set("X-Plugreload-Mount", mount.path);
  out.set("X-Plugreload-Generation", std::to_string(lease.generation()));
  out.set("X-Plugreload-Accessor", mount.accessor);
  // An option that no header can hold is not passed on; a process of the mount's own has it in its
  // environment in any case.
  for (const auto& [key, value] : mount.options) {
    if (IsHeaderName(key) && IsHeaderValue(value)) out.set("X-Plugreload-Option-" + key, value);
  }
  out.body() = std::move(request.body());
  out.prepare_payload();
  return out;
}

HttpResponse FromPlugin(const PluginLease& lease, HttpResponse& response) {
  HttpResponse out;
  out.result(response.result_int());
  CopyHeaders(response, out);
  out.set(http::field::cache_control, "no-store");
  out.set("X-Plugreload-Generation", std::to_string(lease.generation()));
  out.set("X-Plugreload-Version", std::string(lease.version()));
  out.body() = std::move(response.body());
  return out;
}

HttpResponse Broken(const PluginLease& lease, const error_code& error, const char* when) {
  const bool late = error == boost::asio::error::timed_out;
  return ErrorResponse(late ? 504 : 502, "the plugin at " + lease.mount().ns + lease.mount().path +
                                             " (" + std::string(lease.instance_name()) + ") " +
                                             (late ? "did not answer in time " : "broke off ") +
                                             when + ": " + error.message());
}

}  // namespace

HttpResponse Forward(const PluginLease& lease, HttpRequest& request, std::string_view query,
                     std::chrono::milliseconds timeout) {
  auto& pool = *static_cast<PluginPool*>(lease.attached());
  const Clock::time_point deadline = Clock::now() + timeout;
  const bool head = request.method() == http::verb::head;
  HttpRequest out = ToPlugin(lease, request, query);

  error_code error;
  Stream stream = pool.Take(deadline, error);
  if (error) return Broken(lease, error, "while connecting");
  stream.ExpireAt(deadline);
  const std::uint64_t before = stream.written();
  http::write(stream, out, error);
  if (error && stream.written() == before) {
    // The idle connection had ended; the plugin has seen nothing of this request.
    stream = pool.Connect(deadline, error);
    stream.ExpireAt(deadline);
    if (!error) http::write(stream, out, error);
  }
  if (error) return Broken(lease, error, "while the request was sent");

  boost::beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kMaxResponseBytes);
  parser.skip(head);
  http::read(stream, buffer, parser, error);
  if (error) return Broken(lease, error, "before its response was complete");
  HttpResponse response = FromPlugin(lease, parser.get());
  if (head) {
    response.set(http::field::content_length, parser.get()[http::field::content_length]);
  } else if (response.result() != http::status::no_content) {
    response.prepare_payload();
  }
  if (parser.get().keep_alive() && buffer.size() == 0) pool.Give(std::move(stream));
  return response;
}

}  // namespace example
