#include "scenario/many_reloads.hpp"

namespace plugreload::test {
namespace {

TEST_CASE("global reloads in a row leave memory, keys and threads as they were", "[cluster]") {
  const auto store = NewMemoryStore();
  ReloadManyTimes("memory", [&] { return store; });
}

}  // namespace
}  // namespace plugreload::test
