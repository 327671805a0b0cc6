#include <plugreload/sqlite.hpp>

#include <cstdio>

// Commits once more to the file, and tells how often that was done.
int main(int, char** argv) {
  plugreload::SqliteOptions options;
  options.path = argv[1];
  auto store = plugreload::NewSqliteStore(options);
  if (!store.ok()) {
    std::fprintf(stderr, "%s\n", store.status().ToString().c_str());
    return 1;
  }
  const plugreload::Change change{"key", "value", std::nullopt};
  const auto revision =
      (*store)->Commit({&change, 1}, plugreload::After(plugreload::Millis{10'000}));
  std::printf("C++ %d\n", revision.ok() ? static_cast<int>(*revision) : -1);
  return revision.ok() ? 0 : 1;
}
