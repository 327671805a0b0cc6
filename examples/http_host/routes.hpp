// http_host/routes.hpp - which request goes to the library and which to a plugin.
#ifndef EXAMPLES_HTTP_HOST_ROUTES_HPP_
#define EXAMPLES_HTTP_HOST_ROUTES_HPP_

#include <chrono>
#include <string>
#include <string_view>

#include "http/server.hpp"
#include "http_host/tokens.hpp"
#include "plugreload/runtime.hpp"

namespace example {

// Thread safety: safe for concurrent use.
class Routes {
 public:
  // Both must outlive the routes.
  Routes(plugreload::Runtime& runtime, const Tokens& tokens, std::chrono::milliseconds wait,
         std::chrono::milliseconds timeout)
      : runtime_(runtime), tokens_(tokens), wait_(wait), timeout_(timeout) {}

  // /v1/sys/... of any namespace goes to Runtime::Dispatch, every other /v1/... to the plugin
  // mounted there. The namespace comes from X-Vault-Namespace, from the path, or from both.
  HttpResponse Handle(HttpRequest& request, const std::string& remote);

 private:
  bool IsSystem(std::string_view ns, std::string_view path);
  HttpResponse ToLibrary(HttpRequest& request, const std::string& remote);
  HttpResponse ToPlugin(HttpRequest& request, std::string_view path, std::string_view query);

  plugreload::Runtime& runtime_;
  const Tokens& tokens_;
  const std::chrono::milliseconds wait_;
  const std::chrono::milliseconds timeout_;
};

}  // namespace example

#endif  // EXAMPLES_HTTP_HOST_ROUTES_HPP_
