#include "plugins/kv_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <system_error>

namespace example {
namespace {

constexpr std::size_t kMaxFileName = 255;
constexpr std::size_t kMaxRememberedIds = 1 << 20;
constexpr char kHex[] = "0123456789ABCDEF";

[[noreturn]] void Fail(const std::string& what) {
  throw std::system_error(errno, std::system_category(), what);
}

// A name without '/' and '.', so that no key leaves its directory or collides with ".tmp-...".
std::string FileName(std::string_view key) {
  std::string out;
  for (const char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && (std::isalnum(byte) != 0 || c == '_' || c == '-' || c == '~')) {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

void WriteAll(int fd, std::string_view data, const std::string& path) {
  while (!data.empty()) {
    const ssize_t count = write(fd, data.data(), data.size());
    if (count < 0 && errno != EINTR) Fail(path);
    if (count > 0) data.remove_prefix(static_cast<std::size_t>(count));
  }
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const int lower = c | 0x20;
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

}  // namespace

std::string PercentDecode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = high >= 0 ? HexDigit(text[i + 2]) : -1;
    if (low < 0) {
      out += text[i];
    } else {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

std::string KvStore::Directory(std::string_view mount) const {
  return directory_ + "/" + FileName(mount);
}

bool KvStore::ValidKey(std::string_view key) {
  return !key.empty() && FileName(key).size() <= kMaxFileName;
}

std::optional<std::string> KvStore::Get(std::string_view mount, std::string_view key) const {
  std::ifstream file(Directory(mount) + "/" + FileName(key), std::ios::binary);
  if (!file) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void KvStore::Put(std::string_view mount, std::string_view key, std::string_view value) {
  static std::atomic<std::uint64_t> counter{0};
  const std::string directory = Directory(mount);
  const std::string fresh =
      directory + "/.tmp-" + std::to_string(getpid()) + "-" + std::to_string(++counter);
  std::filesystem::create_directories(directory);
  const Fd fd(open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd) Fail(fresh);
  WriteAll(fd.get(), value, fresh);
  const std::string path = directory + "/" + FileName(key);
  if (rename(fresh.c_str(), path.c_str()) != 0) Fail(path);
}

void KvStore::Delete(std::string_view mount, std::string_view key) {
  const std::string path = Directory(mount) + "/" + FileName(key);
  if (unlink(path.c_str()) != 0 && errno != ENOENT) Fail(path);
}

std::vector<std::string> KvStore::List(std::string_view mount, std::string_view prefix) const {
  std::set<std::string> names;
  std::error_code missing;  // a mount without values has no directory
  for (const auto& entry : std::filesystem::directory_iterator(Directory(mount), missing)) {
    const std::string file = entry.path().filename().string();
    const std::string key = PercentDecode(file);
    if (file.starts_with('.') || !key.starts_with(prefix)) continue;
    const std::string rest = key.substr(prefix.size());
    const std::size_t slash = rest.find('/');
    names.insert(slash == std::string::npos ? rest : rest.substr(0, slash + 1));
  }
  return {names.begin(), names.end()};
}

RequestIds::RequestIds(const std::string& journal, std::string version)
    : version_(std::move(version)) {
  if (journal.empty()) return;
  journal_ = Fd(open(journal.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!journal_) Fail(journal);
}

RequestIds::Counts RequestIds::Add(std::string_view id) {
  const std::lock_guard lock(mutex_);
  if (id.empty()) return counts_;
  if (seen_.size() >= kMaxRememberedIds) seen_.clear();
  if (seen_.emplace(id).second) {
    ++counts_.unique;
  } else {
    ++counts_.duplicate;
  }
  // One write per line: O_APPEND keeps the lines of several processes whole.
  if (journal_) {
    WriteAll(journal_.get(),
             std::string(id) + " " + version_ + " " + std::to_string(getpid()) + "\n", "journal");
  }
  return counts_;
}

}  // namespace example
