// goplugin/identity.hpp - the host's certificate, and reading a plugin's.
#ifndef PLUGRELOAD_GOPLUGIN_IDENTITY_HPP_
#define PLUGRELOAD_GOPLUGIN_IDENTITY_HPP_

#include <string>
#include <string_view>

#include "plugreload/status.hpp"

namespace plugreload::goplugin {

// A key and its self-signed certificate, as go-plugin's peers expect them: P-256, "localhost",
// for both ends of a connection.
struct Identity {
  std::string certificate_pem;
  std::string key_pem;
};

// kInternal "certificate" when libcrypto cannot.
Result<Identity> NewIdentity();

// The PEM of a handshake line's certificate: base64 of DER, with or without padding.
// kUnavailable "certificate_invalid".
Result<std::string> CertificatePem(std::string_view base64);

}  // namespace plugreload::goplugin

#endif  // PLUGRELOAD_GOPLUGIN_IDENTITY_HPP_
