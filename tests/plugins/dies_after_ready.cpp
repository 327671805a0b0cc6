// Dies DIE_AFTER_MS after its handshake, or at its first request.
#include <thread>

#include "plugin.hpp"

int main() {
  const int listener = plugin::Listen();
  plugin::Handshake();
  const int after = plugin::EnvNumber("DIE_AFTER_MS", -1);
  if (after >= 0) {
    std::thread([after] {
      plugin::Wait(after);
      plugin::Write(2, "gone by itself\n");
      _exit(5);
    }).detach();
  }
  return plugin::Serve(listener, [after](const std::string& path) {
    if (after < 0) {
      plugin::Write(2, "gone at a request\n");
      _exit(5);
    }
    return plugin::About(path);
  });
}
