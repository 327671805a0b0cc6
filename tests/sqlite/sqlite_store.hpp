// sqlite/sqlite_store.hpp - what the tests of the SQLite store have in common.
#ifndef PLUGRELOAD_TESTS_SQLITE_SQLITE_STORE_HPP_
#define PLUGRELOAD_TESTS_SQLITE_SQLITE_STORE_HPP_

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "plugreload/sqlite.hpp"
#include "support/catch.hpp"
#include "support/leaks.hpp"
#include "support/plugins.hpp"

namespace plugreload::test {

inline Deadline Soon() { return After(Millis(30'000)); }

inline Result<std::shared_ptr<StateStore>> TryOpen(const std::string& path,
                                                   Millis timeout = Millis(30'000)) {
  SqliteOptions options;
  options.path = path;
  options.open_timeout = timeout;
  return NewSqliteStore(std::move(options));
}

inline std::shared_ptr<StateStore> OpenStore(const std::string& path) {
  auto store = TryOpen(path);
  INFO(store.status().ToString());
  REQUIRE(store.ok());
  return *std::move(store);
}

inline Result<Revision> Put(StateStore& store, std::string key, std::string value,
                            Deadline deadline = Soon()) {
  const Change change{std::move(key), std::move(value), std::nullopt};
  return store.Commit({&change, 1}, deadline);
}

inline std::optional<std::string> ValueOf(StateStore& store, const std::string& key) {
  const auto snapshot = store.Load(key, Soon());
  REQUIRE(snapshot.ok());
  for (const Document& document : snapshot->documents) {
    if (document.key == key) return document.value;
  }
  return std::nullopt;
}

// A wait for something that has no event.
template <typename Condition>
[[nodiscard]] bool Eventually(Condition condition) {
  const Deadline deadline = Soon();
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    // lint: allow-sleep what is waited for has no event; the deadline above ends it
    std::this_thread::sleep_for(Millis(1));
  }
  return true;
}

}  // namespace plugreload::test

#endif  // PLUGRELOAD_TESTS_SQLITE_SQLITE_STORE_HPP_
