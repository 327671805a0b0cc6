// A version of the key-value plugin that dies at start, to show that nothing is lost by it.
#include <cstdio>

int main() {
  std::fputs("[ERROR] cannot open the database: schema 3 is newer than this plugin\n", stderr);
  return 3;
}
