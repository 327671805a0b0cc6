#include "etcd/settings.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

namespace plugreload::etcd {
namespace {

Status Invalid(const std::string& message) {
  return Status(Code::kInvalidArgument, "invalid_etcd_options", message);
}

Status ParseEndpoint(const std::string& url, Endpoint& endpoint) {
  constexpr std::string_view kPlain = "http://", kTls = "https://";
  endpoint.url = url;
  endpoint.tls = url.starts_with(kTls);
  if (!endpoint.tls && !url.starts_with(kPlain)) {
    return Invalid(fmt::format("endpoint '{}' does not begin with http:// or https://", url));
  }
  endpoint.target = url.substr(endpoint.tls ? kTls.size() : kPlain.size());
  if (endpoint.target.ends_with('/')) endpoint.target.pop_back();
  const std::size_t colon = endpoint.target.rfind(':');
  const bool host = colon != std::string::npos && colon > 0;
  if (!host || endpoint.target.find_first_of("/@ ") != std::string::npos ||
      endpoint.target.find_first_not_of("0123456789", colon + 1) != std::string::npos ||
      colon + 1 == endpoint.target.size()) {
    return Invalid(fmt::format("endpoint '{}' is not of the form http://host:port", url));
  }
  return {};
}

// The text stays, the name of a file becomes its text.
Status ReadPem(std::string_view what, std::string& pem) {
  if (pem.empty() || pem.find("-----BEGIN") != std::string::npos) return {};
  if (!pem.starts_with('/')) {
    return Invalid(fmt::format("the {} is neither PEM nor an absolute path", what));
  }
  std::ifstream in(pem, std::ios::binary);
  std::ostringstream text;
  if (in) text << in.rdbuf();
  if (!in || text.str().find("-----BEGIN") == std::string::npos) {
    return Invalid(fmt::format("the {} in '{}' cannot be read: {}", what, pem,
                               in ? "it is not PEM" : std::strerror(errno)));
  }
  pem = text.str();
  return {};
}

}  // namespace

Result<Settings> Check(EtcdOptions options) {
  Settings settings;
  if (options.endpoints.empty()) return Invalid("there is no endpoint of etcd");
  const bool secure = !options.ca.empty() || !options.certificate.empty() || !options.key.empty();
  for (const std::string& url : options.endpoints) {
    Endpoint endpoint;
    if (Status status = ParseEndpoint(url, endpoint); !status.ok()) return status;
    if (secure && !endpoint.tls) {
      return Invalid(fmt::format("there are certificates, but '{}' is without TLS", url));
    }
    settings.endpoints.push_back(std::move(endpoint));
  }
  if (options.certificate.empty() != options.key.empty()) {
    return Invalid("a client certificate needs its key, and a key its certificate");
  }
  for (const auto& [what, pem] : {std::pair("CA certificate", &options.ca),
                                  {"client certificate", &options.certificate},
                                  {"client key", &options.key}}) {
    if (Status status = ReadPem(what, *pem); !status.ok()) return status;
  }
  if (options.user.empty() && !options.password.empty())
    return Invalid("a password without a user");
  if (options.prefix.empty()) return Invalid("the prefix of the keys is empty");
  if (options.try_timeout < Millis(1)) return Invalid("try_timeout is not positive");
  settings.ca = std::move(options.ca);
  settings.certificate = std::move(options.certificate);
  settings.key = std::move(options.key);
  settings.server_name = std::move(options.server_name);
  settings.user = std::move(options.user);
  settings.password = std::move(options.password);
  settings.prefix = std::move(options.prefix);
  settings.try_timeout = options.try_timeout;
  return settings;
}

}  // namespace plugreload::etcd
