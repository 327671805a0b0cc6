// A correct plugin.
#include "plugin.hpp"

int main() { return plugin::ServeHere(); }
