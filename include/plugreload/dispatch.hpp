// plugreload/dispatch.hpp - Vault-shaped HTTP calls in, a status and JSON out; no socket inside.
#ifndef PLUGRELOAD_DISPATCH_HPP_
#define PLUGRELOAD_DISPATCH_HPP_

#include <string>

#include "plugreload/export.hpp"

namespace plugreload {

// A call as the host's HTTP server received it. Everything is copied by Runtime::Dispatch.
struct Request {
  std::string method;        // "GET", "POST", "PUT", "DELETE", "LIST", ...
  std::string target;        // path and query as on the wire: "/v1/sys/plugins/pins?list=true"
  std::string ns;            // the value of X-Vault-Namespace; empty: none
  std::string token;         // of X-Vault-Token or Authorization: Bearer
  std::string content_type;  // may be empty
  std::string body;
  std::string remote;  // address of the caller, for the authoriser
};

struct Response {
  int status = 200;
  std::string body;  // JSON, or empty with 204
  std::string content_type = "application/json";
  std::string ns;  // to be sent back as X-Vault-Namespace; empty: no header
};

}  // namespace plugreload

#endif  // PLUGRELOAD_DISPATCH_HPP_
