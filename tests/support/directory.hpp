// support/directory.hpp - a directory of a test's own.
#ifndef PLUGRELOAD_TESTS_SUPPORT_DIRECTORY_HPP_
#define PLUGRELOAD_TESTS_SUPPORT_DIRECTORY_HPP_

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

namespace plugreload::test {

// Below TMPDIR, mode 0700; goes with everything in it.
class Directory {
 public:
  Directory() {
    const char* top = std::getenv("TMPDIR");
    path_ = std::string(top == nullptr ? "/tmp" : top) + "/plr-dir.XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("cannot make " + path_);
  }
  ~Directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace plugreload::test

#endif  // PLUGRELOAD_TESTS_SUPPORT_DIRECTORY_HPP_
