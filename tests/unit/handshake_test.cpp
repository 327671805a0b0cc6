#include "launch/handshake.hpp"

#include <string>
#include <vector>

#include "support/catch.hpp"

namespace plugreload::internal {
namespace {

const std::vector<int> kVersions = {3, 4};
const std::vector<std::string> kProtocols = {"http", "grpc"};

Result<HandshakeLine> Parse(std::string_view line) {
  return ParseHandshake(line, kVersions, kProtocols);
}
std::string Reason(std::string_view line) { return std::string(Parse(line).status().reason()); }

TEST_CASE("a handshake line of five fields is taken apart", "[launch][handshake]") {
  const auto line = Parse("1|4|unix|/run/p/s|http");
  REQUIRE(line.ok());
  CHECK(line->version == 4);
  CHECK(line->network == "unix");
  CHECK(line->address == "/run/p/s");
  CHECK(line->protocol == "http");
  CHECK(line->certificate.empty());
}

TEST_CASE("blanks and a carriage return around fields do not matter", "[launch][handshake]") {
  const auto line = Parse(" 1 |\t3| tcp | 127.0.0.1:80 | grpc \r");
  REQUIRE(line.ok());
  CHECK(line->version == 3);
  CHECK(line->network == "tcp");
  CHECK(line->address == "127.0.0.1:80");
  CHECK(line->protocol == "grpc");
}

TEST_CASE("go-plugin's trailing separator is no certificate", "[launch][handshake]") {
  const auto line = Parse("1|3|unix|/tmp/plugin406|grpc|");
  REQUIRE(line.ok());
  CHECK(line->certificate.empty());
  CHECK(Parse("1|3|unix|/tmp/plugin406|grpc|older extra data")->certificate.empty());
}

TEST_CASE("a certificate, a multiplex flag and later fields are accepted", "[launch][handshake]") {
  const std::string certificate(794, 'A');
  const auto line = Parse("1|3|unix|/s|grpc|" + certificate + "|true|whatever|comes");
  REQUIRE(line.ok());
  CHECK(line->certificate == certificate);
}

TEST_CASE("a line without a protocol means netrpc", "[launch][handshake]") {
  CHECK(Reason("1|3|unix|/s") == "protocol_unsupported");
  CHECK(Reason("1|3|unix|/s|") == "protocol_unsupported");
  const auto line = ParseHandshake("1|3|unix|/s", kVersions, {"netrpc"});
  REQUIRE(line.ok());
  CHECK(line->protocol == "netrpc");
}

TEST_CASE("a protocol that the catalog entry does not allow is refused", "[launch][handshake]") {
  CHECK(Reason("1|3|unix|/s|HTTP") == "protocol_unsupported");
  CHECK(Reason("1|3|unix|/s|thrift") == "protocol_unsupported");
}

TEST_CASE("a version that was not offered is refused", "[launch][handshake]") {
  CHECK(Reason("1|5|unix|/s|http") == "version_unsupported");
  CHECK(Reason("1|-3|unix|/s|http") == "version_unsupported");
}

TEST_CASE("what is no handshake is refused as such", "[launch][handshake]") {
  const std::string line = GENERATE(
      as<std::string>(), "", "|", "|||", "||||", "hello", "1", "1|3", "1|3|unix",
      "one|3|unix|/s|http", "1|three|unix|/s|http", "1||unix|/s|http", "1|3||/s|http",
      "1|3|unix||http", "1|3|udp|127.0.0.1:1|http", "2|3|unix|/s|http", "0|3|unix|/s|http",
      "1x|3|unix|/s|http", "1|3x|unix|/s|http", "1|3|unix|relative/s|http", "1|3|UNIX|/s|http",
      "99999999999999999999|3|unix|/s|http", "1|99999999999999999999|unix|/s|http");
  INFO(line);
  CHECK(Reason(line) == "handshake_invalid");
}

TEST_CASE("a socket path is refused when it does not fit an address", "[launch][handshake]") {
  const std::string longest = "/" + std::string(106, 'a');
  CHECK(Parse("1|3|unix|" + longest + "|http").ok());
  CHECK(Reason("1|3|unix|" + longest + "a|http") == "handshake_invalid");
  CHECK(Reason(std::string("1|3|unix|/a\0b|http", 19)) == "handshake_invalid");
}

TEST_CASE("an error quotes the line in one printable line", "[launch][handshake]") {
  const auto line = Parse(std::string("\x1b[31mred\n\0", 10) + std::string(500, 'x'));
  const std::string message(line.status().message());
  CHECK(message.find("?[31mred??xxx") != std::string::npos);
  CHECK(message.size() < 300);
}

}  // namespace
}  // namespace plugreload::internal
