#include "scenario/many_reloads.hpp"

#include "plugreload/sqlite.hpp"
#include "support/directory.hpp"

namespace plugreload::test {
namespace {

TEST_CASE("global reloads in a row on one file leave memory, keys and threads as they were",
          "[sqlite][cluster]") {
  const Directory directory;
  ReloadManyTimes("sqlite", [&] {
    SqliteOptions options;
    options.path = directory.path() + "/store.db";
    auto store = NewSqliteStore(std::move(options));
    if (!store.ok()) FAIL(store.status().ToString());
    return *std::move(store);
  });
}

}  // namespace
}  // namespace plugreload::test
