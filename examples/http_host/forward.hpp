// http_host/forward.hpp - carries a request to the plugin of a lease and its response back.
#ifndef EXAMPLES_HTTP_HOST_FORWARD_HPP_
#define EXAMPLES_HTTP_HOST_FORWARD_HPP_

#include <chrono>
#include <string_view>

#include "http/server.hpp"
#include "plugreload/reload.hpp"

namespace example {

// Sends the request with the path below the mount, plus `query` ("?..." or empty), and headers
// that name namespace, mount, generation, accessor and options of the mount. The caller's token and
// its own X-Plugreload headers are not passed on. Returns when the response is read to its end; a
// request is never sent twice once any of it may have reached the plugin. 502 when the plugin
// breaks off, 504 when it does not answer in time. Takes the body out of `request`.
HttpResponse Forward(const plugreload::PluginLease& lease, HttpRequest& request,
                     std::string_view query, std::chrono::milliseconds timeout);

}  // namespace example

#endif  // EXAMPLES_HTTP_HOST_FORWARD_HPP_
