// Serves, and writes to stderr as fast as it can: lines, NULs, any bytes.
#include <thread>

#include "plugin.hpp"

int main() {
  const int listener = plugin::Listen();
  plugin::Handshake();
  std::thread([] {
    std::string block = "a line of the flood\n";
    for (int byte = 0; byte < 256; ++byte) block += static_cast<char>(byte);
    while (block.size() < 32768) block += block;
    for (;;) plugin::Write(2, block);
  }).detach();
  plugin::Serve(listener);
  _exit(0);
}
