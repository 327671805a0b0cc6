// Correct, on a TCP port of the address BIND_ADDRESS.
#include <arpa/inet.h>
#include <netinet/in.h>

#include "plugin.hpp"

int main() {
  const std::string host = plugin::Env("BIND_ADDRESS", "127.0.0.1");
  sockaddr_in address{};
  address.sin_family = AF_INET;
  inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  socklen_t size = sizeof(address);
  bind(listener, reinterpret_cast<sockaddr*>(&address), size);
  listen(listener, 16);
  getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  plugin::Handshake("1|1|tcp|" + host + ":" + std::to_string(ntohs(address.sin_port)) + "|http");
  return plugin::Serve(listener);
}
