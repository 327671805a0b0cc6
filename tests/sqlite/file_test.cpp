#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "sqlite/child_process.hpp"
#include "sqlite/sqlite_store.hpp"

namespace plugreload::test {
namespace {

namespace fs = std::filesystem;

int ModeOf(const std::string& path) {
  struct stat file {};
  return stat(path.c_str(), &file) == 0 ? static_cast<int>(file.st_mode & 07777) : -1;
}

void RunSql(const std::string& path, const char* sql) {
  sqlite3* handle = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &handle) == SQLITE_OK);
  CHECK(sqlite3_exec(handle, sql, nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(handle);
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
}

std::string Bytes(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST_CASE("every document is there again when the file is opened again", "[sqlite]") {
  LeakCheck leaks;
  const std::string path = leaks.scratch() + "/store.db";
  Snapshot before;
  {
    const auto store = OpenStore(path);
    for (int i = 0; i < 300; ++i) {
      REQUIRE(
          Put(*store, "k/" + std::to_string(i % 250), std::string(static_cast<std::size_t>(i), 'x'))
              .ok());
    }
    const Change removal{"k/7", std::nullopt, std::nullopt};
    REQUIRE(store->Commit({&removal, 1}, Soon()).ok());
    before = *store->Load("", Soon());
    CHECK(before.documents.size() == 249);
  }
  const auto store = OpenStore(path);
  const auto after = store->Load("", Soon());
  REQUIRE(after.ok());
  CHECK(after->revision == before.revision);
  CHECK((after->documents == before.documents));
  CHECK(*Put(*store, "next", "x") == before.revision + 1);
}

TEST_CASE("a watch goes on behind a restart where it ended", "[sqlite]") {
  LeakCheck leaks;
  const std::string path = leaks.scratch() + "/store.db";
  {
    const auto store = OpenStore(path);
    for (int i = 1; i <= 5; ++i) REQUIRE(Put(*store, "k", std::to_string(i)).ok());
  }
  const auto store = OpenStore(path);
  std::atomic<Revision> last{3};
  std::atomic<bool> in_order{true};
  const auto watcher = store->Watch("", 3, [&](const Result<WatchBatch>& batch) {
    in_order = in_order && batch.ok() && batch->revision == last + 1;
    if (batch.ok()) last = batch->revision;
  });
  REQUIRE(watcher.ok());
  CHECK(Eventually([&] { return last == 5; }));
  REQUIRE(Put(*store, "k", "6").ok());
  CHECK(Eventually([&] { return last == 6; }));
  CHECK(in_order);
}

TEST_CASE("the file and what lies beside it are the user's alone", "[sqlite]") {
  LeakCheck leaks;
  const std::string path = leaks.scratch() + "/store.db";
  const mode_t before = umask(0);
  {
    const auto store = OpenStore(path);
    REQUIRE(Put(*store, "k", "x").ok());
    for (const char* suffix : {"", "-wal", "-shm", "-lock"}) {
      INFO(path + suffix);
      CHECK(ModeOf(path + suffix) == 0600);
    }
  }
  umask(before);
  CHECK(ModeOf(path) == 0600);
  std::size_t files = 0;
  for (const auto& entry : fs::directory_iterator(leaks.scratch())) {
    ++files;
    INFO(entry.path());
    CHECK((entry.path() == path || entry.path() == path + "-lock"));
  }
  CHECK(files == 2);
}

TEST_CASE("a file that others may read is refused, and stays as it is", "[sqlite]") {
  LeakCheck leaks;
  const std::string path = leaks.scratch() + "/store.db";
  REQUIRE(Put(*OpenStore(path), "k", "x").ok());
  for (const mode_t mode : {0640U, 0604U, 0620U}) {
    chmod(path.c_str(), mode);
    const auto store = TryOpen(path);
    CHECK(store.status().code() == Code::kFailedPrecondition);
    CHECK(store.status().reason() == "store_file");
    CHECK(ModeOf(path) == static_cast<int>(mode));
  }
  chmod(path.c_str(), 0600);
  CHECK(ValueOf(*OpenStore(path), "k") == "x");
}

TEST_CASE("a path that cannot hold a store is refused with the reason", "[sqlite]") {
  LeakCheck leaks;
  CHECK(TryOpen("").status().reason() == "invalid_sqlite_options");
  CHECK(TryOpen(leaks.scratch() + "/").status().reason() == "invalid_sqlite_options");
  CHECK(TryOpen(leaks.scratch()).status().reason() == "store_file");
  const auto missing = TryOpen(leaks.scratch() + "/missing/store.db");
  CHECK(missing.status().code() == Code::kFailedPrecondition);
  CHECK(missing.status().reason() == "store_directory");
  CHECK_FALSE(fs::exists(leaks.scratch() + "/missing"));
  fs::create_symlink("/nonexistent/store.db", leaks.scratch() + "/link.db");
  CHECK(TryOpen(leaks.scratch() + "/link.db").status().reason() == "store_file");
}

TEST_CASE("a link to the file leads to the same store", "[sqlite]") {
  LeakCheck leaks;
  const std::string path = leaks.scratch() + "/store.db", alias = leaks.scratch() + "/alias.db";
  const auto store = OpenStore(path);
  fs::create_symlink(path, alias);
  const auto same = OpenStore(alias);
  const auto keeper = same->Keep("k", "x", Millis(1'000), Soon());
  REQUIRE(keeper.ok());
  CHECK(ValueOf(*store, "k") == "x");
  CHECK_FALSE(fs::exists(alias + "-lock"));
}

TEST_CASE("a file of somebody else is refused and not touched", "[sqlite]") {
  LeakCheck leaks;
  const std::string path = leaks.scratch() + "/other.db";
  RunSql(path, "CREATE TABLE bookmarks (url)");
  const std::string text = leaks.scratch() + "/text";
  std::ofstream(text) << std::string(5'000, 'a') << "\n";
  const std::string empty = leaks.scratch() + "/empty";
  std::ofstream(empty).flush();
  for (const std::string& file : {path, text, empty}) {
    INFO(file);
    chmod(file.c_str(), 0600);
    const std::string before = Bytes(file);
    const auto store = TryOpen(file);
    INFO(store.status().ToString());
    CHECK(store.status().code() == Code::kFailedPrecondition);
    CHECK(store.status().reason() == "store_foreign");
    CHECK((Bytes(file) == before));
    CHECK_FALSE(fs::exists(file + "-lock"));
  }
}

TEST_CASE("a schema of a later version is refused and not touched", "[sqlite]") {
  LeakCheck leaks;
  const std::string path = leaks.scratch() + "/store.db";
  REQUIRE(Put(*OpenStore(path), "k", "x").ok());
  RunSql(path, "PRAGMA user_version = 99");
  const std::string before = Bytes(path);
  const auto store = TryOpen(path);
  CHECK(store.status().code() == Code::kFailedPrecondition);
  CHECK(store.status().reason() == "store_newer");
  CHECK((Bytes(path) == before));
}

TEST_CASE("an older schema is brought up to date, once, by whoever opens it first", "[sqlite]") {
  LeakCheck leaks;
  const std::string path = leaks.scratch() + "/store.db";
  // Version 0: a file with our mark and nothing in it.
  RunSql(path, "PRAGMA application_id = 0x706c7267");
  const auto one = OpenStore(path), two = OpenStore(path);
  REQUIRE(Put(*one, "k", "x").ok());
  CHECK(ValueOf(*two, "k") == "x");
}

TEST_CASE("a damaged file is said to be damaged", "[sqlite]") {
  LeakCheck leaks;
  const std::string path = leaks.scratch() + "/store.db";
  {
    const auto store = OpenStore(path);
    for (int i = 0; i < 200; ++i) REQUIRE(Put(*store, std::to_string(i), "value").ok());
  }
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  for (int page = 2; page <= 8; ++page) {
    file.seekp(page * 4096);
    file << std::string(2'000, '\x5a');
  }
  file.close();
  const auto store = TryOpen(path);
  INFO(store.status().ToString());
  CHECK(store.status().code() == Code::kDataLoss);
  CHECK(store.status().reason() == "store_corrupt");
}

TEST_CASE("a log without its file is not thrown away", "[sqlite]") {
  LeakCheck leaks;
  const std::string path = leaks.scratch() + "/store.db";
  std::ofstream(path + "-wal") << "the last commits";
  CHECK(TryOpen(path).status().reason() == "store_file");
  CHECK(Bytes(path + "-wal") == "the last commits");
  CHECK_FALSE(fs::exists(path));
}

TEST_CASE("a store whose file was replaced takes no commit that would be lost", "[sqlite]") {
  LeakCheck leaks;
  const std::string path = leaks.scratch() + "/store.db";
  const auto store = OpenStore(path);
  std::atomic<bool> ended{false};
  const auto watcher = store->Watch("", 0, [&](const Result<WatchBatch>& batch) {
    if (!batch.ok()) ended = true;
  });
  REQUIRE(watcher.ok());
  fs::rename(path, path + ".old");
  const auto put = Put(*store, "k", "x");
  CHECK(put.status().code() == Code::kUnavailable);
  CHECK(put.status().reason() == "store_moved");
  CHECK(Eventually([&] { return ended.load(); }));
}

TEST_CASE("many who make the file at once share it", "[sqlite]") {
  LeakCheck leaks;
  const std::string path = leaks.scratch() + "/store.db";
  std::vector<std::unique_ptr<ChildProcess>> children;
  for (int i = 0; i < 8; ++i) {
    children.push_back(std::make_unique<ChildProcess>(
        std::vector<std::string>{"commit", path, "k" + std::to_string(i)}));
  }
  for (const auto& child : children) CHECK(child->Line() == "1");
  children.clear();
  CHECK(OpenStore(path)->Load("", Soon())->documents.size() == 8);
}

TEST_CASE("a directory or a file that may not be written is refused with the reason", "[sqlite]") {
  LeakCheck leaks;
  const std::string directory = leaks.scratch() + "/dir", path = directory + "/store.db";
  fs::create_directory(directory);
  const auto try_open = [&] {
    ChildProcess child({"open_plainly", path});
    const std::string said = child.Line().value_or("");
    // Until it has closed the store: its log is removed then.
    CHECK_FALSE(child.Line().has_value());
    return said;
  };
  chmod(directory.c_str(), 0500);
  CHECK(try_open() == "store_directory");
  chmod(directory.c_str(), 0700);
  CHECK(try_open() == "ok");
  chmod(directory.c_str(), 0500);
  CHECK(try_open() == "store_read_only");
  chmod(directory.c_str(), 0700);
  chmod(path.c_str(), 0400);
  CHECK(try_open() == "store_read_only");
  chmod(path.c_str(), 0600);
  CHECK(try_open() == "ok");
}

TEST_CASE("a file of another user is refused", "[sqlite]") {
  if (geteuid() != 0) return;  // only root has another user's file to show
  LeakCheck leaks;
  const std::string path = leaks.scratch() + "/store.db";
  REQUIRE(Put(*OpenStore(path), "k", "x").ok());
  REQUIRE(chown(path.c_str(), 65534, static_cast<gid_t>(-1)) == 0);
  CHECK(TryOpen(path).status().reason() == "store_file");
}

TEST_CASE("a full disk refuses a commit, changes nothing, and loses nothing", "[sqlite]") {
  LeakCheck leaks;
  ChildProcess child({"full", leaks.scratch()});
  CHECK(child.Line() == "RESOURCE_EXHAUSTED store_full");
  CHECK(child.Line() == "extra 0");
  CHECK(child.Line() == "revision 0");
}

TEST_CASE("a file that may not grow further refuses a commit and loses nothing", "[sqlite]") {
  LeakCheck leaks;
  const std::string path = leaks.scratch() + "/store.db";
  {
    ChildProcess child({"limited", path, "2000000"});
    CHECK(child.Line() == "UNAVAILABLE store_io");
    CHECK(child.Line() == "extra 0");
    CHECK(child.Line() == "revision 0");
    CHECK_FALSE(child.Line().has_value());
  }
  const auto store = OpenStore(path);
  const auto snapshot = store->Load("", Soon());
  CHECK(snapshot->revision == static_cast<Revision>(snapshot->documents.size()));
  CHECK(Put(*store, "k", "x").ok());
}

}  // namespace
}  // namespace plugreload::test
