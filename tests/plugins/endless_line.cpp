// Writes to stdout for ever without a newline.
#include "plugin.hpp"

int main() {
  const std::string block(32768, 'x');
  for (;;) plugin::Write(1, block);
}
