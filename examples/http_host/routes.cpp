#include "http_host/routes.hpp"

#include <algorithm>

#include "http_host/forward.hpp"

namespace example {
namespace {

namespace http = boost::beast::http;
using plugreload::Code;

constexpr std::string_view kPrefix = "/v1/";

std::string_view View(boost::beast::string_view text) { return {text.data(), text.size()}; }

std::string_view NamespaceHeader(const HttpRequest& request) {
  return View(request["X-Vault-Namespace"]);
}

std::string_view TokenOf(const HttpRequest& request) {
  const std::string_view token = View(request["X-Vault-Token"]);
  if (!token.empty()) return token;
  const std::string_view bearer = View(request[http::field::authorization]);
  return bearer.starts_with("Bearer ") ? bearer.substr(7) : std::string_view();
}

// "team" and "kv/a" as "team/kv/a"; "/", "root" and "" are the root.
std::string Join(std::string_view ns, std::string_view path) {
  while (ns.starts_with('/')) ns.remove_prefix(1);
  while (ns.ends_with('/')) ns.remove_suffix(1);
  if (ns.empty() || ns == "root") return std::string(path);
  return std::string(ns) + "/" + std::string(path);
}

HttpResponse Denied(bool known_token) {
  return ErrorResponse(
      403, known_token ? "1 error occurred:\n\t* permission denied\n\n"
                       : "2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n");
}

HttpResponse NoLease(const plugreload::Status& status, std::string_view path) {
  switch (status.code()) {
    case Code::kNotFound:
      return ErrorResponse(
          404, status.reason() == "namespace_not_found"
                   ? "namespace not found"
                   : "no handler for route \"" + std::string(path) + "\". route entry not found.");
    case Code::kInvalidArgument:
      return ErrorResponse(400, status.message());
    default: {
      HttpResponse response = ErrorResponse(503, status.message());
      response.set(http::field::retry_after, "1");
      return response;
    }
  }
}

}  // namespace

HttpResponse Routes::Handle(HttpRequest& request, const std::string& remote) {
  const std::string_view target = View(request.target());
  if (!target.starts_with(kPrefix)) return ErrorResponse(404, "every path begins with /v1/");
  const std::size_t question = std::min(target.find('?'), target.size());
  const std::string_view path = target.substr(kPrefix.size(), question - kPrefix.size());
  const std::string ns(NamespaceHeader(request));
  if (IsSystem(ns, path)) return ToLibrary(request, remote);
  HttpResponse response = ToPlugin(request, path, target.substr(question));
  if (!ns.empty()) response.set("X-Vault-Namespace", ns);
  return response;
}

// "sys/..." behind nothing but a namespace. No namespace and no mount is called sys, so only the
// first segment of that name can be it; behind a mount it is the plugin's own path.
bool Routes::IsSystem(std::string_view ns, std::string_view path) {
  if (path == "sys" || path.starts_with("sys/")) return true;
  const std::size_t at = path.find("/sys/");
  return at != std::string_view::npos &&
         runtime_.namespaces().Find(Join(ns, path.substr(0, at))).has_value();
}

HttpResponse Routes::ToLibrary(HttpRequest& request, const std::string& remote) {
  plugreload::Request call;
  call.method = std::string(request.method_string());
  call.target = std::string(request.target());
  call.ns = std::string(NamespaceHeader(request));
  call.token = std::string(TokenOf(request));
  call.content_type = std::string(request[http::field::content_type]);
  call.body = std::move(request.body());
  call.remote = remote;
  plugreload::Response answer = runtime_.Dispatch(call);
  HttpResponse response =
      JsonResponse(static_cast<unsigned>(answer.status), std::move(answer.body));
  if (answer.status != 204) response.set(http::field::content_type, answer.content_type);
  if (!answer.ns.empty()) response.set("X-Vault-Namespace", answer.ns);
  return response;
}

HttpResponse Routes::ToPlugin(HttpRequest& request, std::string_view path, std::string_view query) {
  const std::string_view token = TokenOf(request);
  const std::string_view header = NamespaceHeader(request);
  const auto allowed = tokens_.Find(token);
  // Before anything is looked up, so that a refused caller does not learn what is mounted where:
  // the text must lead into a namespace of the token. Which one it is, the mount tells below.
  const std::string full = Join(header, path);
  const auto leads_into = [&full](std::string_view ns) { return full.starts_with(ns); };
  if (std::none_of(allowed.begin(), allowed.end(), leads_into)) return Denied(!allowed.empty());

  const auto lease = runtime_.reloads().Acquire(header, path, wait_);
  if (!lease.ok()) return NoLease(lease.status(), path);
  if (!tokens_.Allows(token, lease->mount().ns)) return Denied(true);
  // The lease ends with this function, when the plugin's response has been read to its end.
  return Forward(*lease, request, query, timeout_);
}

}  // namespace example
