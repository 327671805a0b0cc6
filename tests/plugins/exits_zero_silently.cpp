// Ends without a word, and successfully.
#include "plugin.hpp"

int main() { return 0; }
