// A log that was cut off or spoiled by a crash of the machine, as it lies on the disk afterwards.
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <vector>

#include "sqlite/child_process.hpp"
#include "sqlite/sqlite_store.hpp"

namespace plugreload::test {
namespace {

std::uintmax_t LogSize(const std::string& path) {
  return std::filesystem::file_size(path + "-wal");
}

// What a disk has of a store whose log is torn: the file as it is, and the log up to `size`, with a
// byte that is not what it was at `spoiled`.
class Torn {
 public:
  Torn(const std::string& from, const std::string& to, std::uintmax_t size,
       std::optional<std::uintmax_t> spoiled = {})
      : path_(to) {
    for (const char* end : {"", "-wal"}) {
      std::filesystem::copy_file(from + end, to + end,
                                 std::filesystem::copy_options::overwrite_existing);
      ::chmod((to + end).c_str(), 0600);
    }
    std::filesystem::resize_file(to + "-wal", size);
    if (!spoiled) return;
    std::fstream log(to + "-wal", std::ios::in | std::ios::out | std::ios::binary);
    log.seekg(static_cast<std::streamoff>(*spoiled));
    const char byte = static_cast<char>(log.get() ^ 0x55);
    log.seekp(static_cast<std::streamoff>(*spoiled));
    log.put(byte);
  }
  ~Torn() {
    for (const char* end : {"", "-wal", "-shm", "-lock"}) std::filesystem::remove(path_ + end);
  }
  Torn(const Torn&) = delete;
  Torn& operator=(const Torn&) = delete;

  // The store opens, has exactly the first `count` commits, and takes another one.
  void CheckHolds(Revision count) const {
    const auto store = OpenStore(path_);
    const auto now = store->Load("", Soon());
    REQUIRE(now.ok());
    CHECK(now->revision == count);
    CHECK(ValueOf(*store, "k") ==
          (count == 0 ? std::nullopt : std::optional(std::to_string(count))));
    const auto next = Put(*store, "k", "again");
    REQUIRE(next.ok());
    CHECK(*next == count + 1);
    CHECK(ValueOf(*store, "k") == "again");
  }

 private:
  const std::string path_;
};

TEST_CASE("of a log that is torn or spoiled everything before that place is there", "[sqlite]") {
  LeakCheck leaks;
  const std::string path = leaks.scratch() + "/store.db", copy = leaks.scratch() + "/torn.db";
  const auto store = OpenStore(path);
  const std::uintmax_t begin = LogSize(path);
  std::vector<std::uintmax_t> ends = {begin};  // of the log, behind each commit
  constexpr Revision kCommits = 12;
  for (Revision i = 1; i <= kCommits; ++i) {
    REQUIRE(*Put(*store, "k", std::to_string(i)) == i);
    ends.push_back(LogSize(path));
    REQUIRE(ends[static_cast<std::size_t>(i)] > ends[static_cast<std::size_t>(i) - 1]);
  }
  for (Revision i = 1; i <= kCommits; ++i) {
    const std::uintmax_t before = ends[static_cast<std::size_t>(i) - 1];
    const std::uintmax_t behind = ends[static_cast<std::size_t>(i)];
    INFO("the commit " << i << " from " << before << " to " << behind);
    Torn(path, copy, behind).CheckHolds(i);
    for (const std::uintmax_t size : {before, before + 1, (before + behind) / 2, behind - 1}) {
      INFO("torn at " << size);
      Torn(path, copy, size).CheckHolds(i - 1);
    }
    for (const std::uintmax_t place : {before + 10, (before + behind) / 2, behind - 1}) {
      INFO("spoiled at " << place);
      Torn(path, copy, ends.back(), place).CheckHolds(i - 1);
    }
  }
}

TEST_CASE("the log of a killed process may be torn where its last commit was", "[sqlite]") {
  LeakCheck leaks;
  const std::string path = leaks.scratch() + "/store.db", copy = leaks.scratch() + "/torn.db";
  ChildProcess child({"commit", path, "k"});
  std::uintmax_t acknowledged = 0;  // the end of the log when the tenth was
  Revision last = 0;
  for (; last < 10; ++last) REQUIRE(child.Line() == std::to_string(last + 1));
  acknowledged = LogSize(path);
  child.Kill();
  Torn torn(path, copy, acknowledged);
  const auto store = OpenStore(copy);
  const auto now = store->Load("", Soon());
  REQUIRE(now.ok());
  CHECK(now->revision >= last);
  CHECK(Put(*store, "k", "again").ok());
}

}  // namespace
}  // namespace plugreload::test
