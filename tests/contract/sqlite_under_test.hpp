// contract/sqlite_under_test.hpp - an empty SQLite store in a directory that goes with it.
#ifndef PLUGRELOAD_TESTS_CONTRACT_SQLITE_UNDER_TEST_HPP_
#define PLUGRELOAD_TESTS_CONTRACT_SQLITE_UNDER_TEST_HPP_

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

#include "plugreload/sqlite.hpp"
#include "support/directory.hpp"

namespace plugreload::internal {

inline constexpr std::size_t kSqliteHistory = 1'000;

inline std::shared_ptr<StateStore> NewSqliteUnderTest() {
  struct Kept {
    test::Directory directory;  // goes last
    std::shared_ptr<StateStore> store;
  };
  auto kept = std::make_shared<Kept>();
  SqliteOptions options;
  options.path = kept->directory.path() + "/store.db";
  options.history = kSqliteHistory;
  auto store = NewSqliteStore(std::move(options));
  if (!store.ok()) throw std::runtime_error(store.status().ToString());
  kept->store = *std::move(store);
  StateStore* const pointer = kept->store.get();
  return {std::move(kept), pointer};
}

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_TESTS_CONTRACT_SQLITE_UNDER_TEST_HPP_
