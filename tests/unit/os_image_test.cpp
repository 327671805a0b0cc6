#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <span>
#include <stop_token>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "base/large_pages.hpp"
#include "os/image.hpp"
#include "os/image_cache.hpp"
#include "os/image_memory.hpp"
#include "support/catch.hpp"
#include "support/leaks.hpp"
#include "support/plugins.hpp"

namespace plugreload::internal {
namespace {

using test::LeakCheck;

std::string MakeFile(const LeakCheck& leaks, const std::string& content, mode_t mode = 0700) {
  const std::string path = leaks.scratch() + "/program";
  std::ofstream(path, std::ios::binary) << content;
  chmod(path.c_str(), mode);
  return path;
}

ImageRequest Request(const std::string& path, const std::string& sha256 = "") {
  return {path, sha256, 1 << 20, After(Millis{20'000}), {}};
}

std::string Content(const Image& image) {
  std::string text(4096, '\0');
  const auto got = pread(image.fd.get(), text.data(), text.size(), 0);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

std::string Reason(const Result<Image>& result) { return std::string(result.status().reason()); }

TEST_CASE("a sealed image is what was hashed, and nobody can change it", "[os][image]") {
  LeakCheck leaks;
  const std::string path = MakeFile(leaks, "the bytes");
  const std::string sha = test::Sha256OfFile(path);
  auto image = SealImage(Request(path, sha));
  REQUIRE(image.ok());
  CHECK(image->sha256 == sha);
  CHECK(image->sealed);
  CHECK_FALSE(image->script);
  std::ofstream(path) << "other bytes";
  CHECK(Content(*image) == "the bytes");
  CHECK(pwrite(image->fd.get(), "x", 1, 0) == -1);
  CHECK(ftruncate(image->fd.get(), 1) == -1);
  CHECK(fcntl(image->fd.get(), F_ADD_SEALS, F_SEAL_WRITE) == -1);
  CHECK(mmap(nullptr, 1, PROT_WRITE, MAP_SHARED, image->fd.get(), 0) == MAP_FAILED);
}

TEST_CASE("a digest is compared in both modes", "[os][image]") {
  LeakCheck leaks;
  const std::string path = MakeFile(leaks, std::string(700'000, 'z'));
  const std::string sha = test::Sha256OfFile(path);
  CHECK(SealImage(Request(path, sha)).ok());
  CHECK(OpenImage(Request(path, sha)).ok());
  const std::string wrong(64, '0');
  CHECK(Reason(SealImage(Request(path, wrong))) == "checksum_mismatch");
  CHECK(Reason(OpenImage(Request(path, wrong))) == "checksum_mismatch");
  CHECK(std::string(OpenImage(Request(path, wrong)).status().message()).find(sha) !=
        std::string::npos);
}

TEST_CASE("a large program is hashed while it is copied", "[os][image]") {
  LeakCheck leaks;
  std::string bytes((std::size_t{3} << 20) + 12'345, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * i >> 7);
  const std::string path = MakeFile(leaks, bytes);
  ImageRequest request = Request(path, test::Sha256OfFile(path));
  request.max_bytes = bytes.size();
  const auto image = SealImage(request);
  REQUIRE(image.ok());
  CHECK(image->sha256 == request.sha256);
  std::string copy(bytes.size() + 1, '\0');
  CHECK(pread(image->fd.get(), copy.data(), copy.size(), 0) == static_cast<ssize_t>(bytes.size()));
  copy.pop_back();
  CHECK(copy == bytes);
  request.sha256 = std::string(64, '0');
  CHECK(Reason(SealImage(request)) == "checksum_mismatch");
  request.max_bytes = bytes.size() - 1;
  CHECK(Reason(SealImage(request)) == "image_too_large");
  request.max_bytes = bytes.size();
  std::stop_source source;
  source.request_stop();
  request.cancel = source.get_token();
  CHECK(SealImage(request).status().code() == Code::kCancelled);
}

// Whether this kernel gives a memory file large pages: asked as the library asks.
bool KernelHasLargePages() {
  const Fd file(memfd_create("probe", MFD_CLOEXEC));
  const LargePages pages(LargePages::kSize);
  constexpr int kCollapse = 25;  // MADV_COLLAPSE
  return ftruncate(file.get(), LargePages::kSize) == 0 &&
         mmap(pages.data(), pages.size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
              file.get(), 0) != MAP_FAILED &&
         madvise(pages.data(), 1, MADV_POPULATE_WRITE) == 0 &&
         madvise(pages.data(), pages.size(), kCollapse) == 0;
}

TEST_CASE("an image lies on large pages where there are any, and wastes at most half of one",
          "[os][image]") {
  LeakCheck leaks;
  constexpr std::size_t kLarge = LargePages::kSize;
  const auto usual = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  const bool refused = GENERATE(false, true);
  REQUIRE(prctl(PR_SET_THP_DISABLE, refused ? 1 : 0, 0, 0, 0) == 0);
  const bool large = KernelHasLargePages();
  for (const std::size_t size : {std::size_t{1}, usual, kLarge / 2 - 1, kLarge / 2, kLarge - 1,
                                 kLarge, kLarge + 1, kLarge * 3 / 2 - 1, kLarge * 3 / 2}) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 31 >> 8);
    const std::string path = MakeFile(leaks, bytes);
    ImageRequest request = Request(path, test::Sha256OfFile(path));
    request.max_bytes = size;
    const auto image = SealImage(request);
    INFO(size << (refused ? " without large pages" : ""));
    REQUIRE(image.ok());
    struct stat info {};
    REQUIRE(fstat(image->fd.get(), &info) == 0);
    CHECK(static_cast<std::size_t>(info.st_size) == size);
    const std::size_t unit = large && size % kLarge >= kLarge / 2 ? kLarge : usual;
    CHECK(static_cast<std::size_t>(info.st_blocks) * 512 == (size + unit - 1) / unit * unit);
    std::string copy(size, '\0');
    CHECK(pread(image->fd.get(), copy.data(), size, 0) == static_cast<ssize_t>(size));
    CHECK(copy == bytes);
  }
  CHECK_FALSE((refused && large));
  REQUIRE(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0) == 0);
}

TEST_CASE("a host that forks while an image is copied does not keep it from being sealed",
          "[os][image]") {
  LeakCheck leaks;
  auto memory = ImageMemory::Make(4);
  REQUIRE(memory.ok());
  Pipe pipe = *NewPipe();
  const pid_t child = fork();
  if (child == 0) {
    char end = 0;
    pipe.write.Reset();
    _exit(read(pipe.read.get(), &end, 1) == 0 ? 0 : 1);
  }
  REQUIRE(child != -1);
  const std::span<char> room = memory->Room();
  REQUIRE(room.size() == 4);
  std::copy_n("text", 4, room.data());
  CHECK(memory->Filled(4).ok());
  CHECK(memory->whole());
  CHECK(memory->Room().empty());
  CHECK((*std::move(memory)).Seal().ok());
  pipe.write.Reset();
  int status = -1;
  CHECK(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

bool IsMemoryFile(const std::filesystem::path& descriptor) {
  std::error_code error;
  return std::filesystem::read_symlink(descriptor, error).string().starts_with("/memfd:");
}

// Maps the first memory file of this process as it is made, as a fork of the host might keep it.
void* MapFirstImage(Deadline deadline) {
  while (std::chrono::steady_clock::now() < deadline) {
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
      if (!IsMemoryFile(entry.path())) continue;
      // By its name, and looked at again: the number may be another file's by now.
      const Fd file(open(entry.path().c_str(), O_RDWR | O_CLOEXEC));
      if (!IsMemoryFile("/proc/self/fd/" + std::to_string(file.get()))) continue;
      void* const mapped = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
      if (mapped != MAP_FAILED) return mapped;
    }
  }
  return MAP_FAILED;
}

TEST_CASE("an image that another process could still write is not the one that runs",
          "[os][image]") {
  LeakCheck leaks;
  const std::string path = MakeFile(leaks, std::string(std::size_t{24} << 20, 'x'));
  ImageRequest request = Request(path, test::Sha256OfFile(path));
  request.max_bytes = std::size_t{24} << 20;
  auto mapping = std::async(std::launch::async, MapFirstImage, request.deadline);
  // Until one was mapped before it was sealed.
  auto image = SealImage(request);
  while (image.ok() && mapping.wait_for(Millis{0}) != std::future_status::ready) {
    image = SealImage(request);
  }
  INFO(image.status().ToString());
  void* const mapped = mapping.get();
  REQUIRE(mapped != MAP_FAILED);
  REQUIRE(image.ok());
  static_cast<char*>(mapped)[0] = 'n';
  munmap(mapped, 4096);
  CHECK(Content(*image).front() == 'x');
  CHECK(pwrite(image->fd.get(), "x", 1, 0) == -1);
}

// Sanitizers need more address space than they use.
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
TEST_CASE("a program that the host's address space has no room for is copied all the same",
          "[os][image]") {
  LeakCheck leaks;
  const std::string path = MakeFile(leaks, "#!" + std::string(std::size_t{24} << 20, 'x'));
  ImageRequest request = Request(path, test::Sha256OfFile(path));
  request.max_bytes = std::size_t{25} << 20;
  std::ifstream file("/proc/self/statm");
  rlim_t pages = 0;
  file >> pages;
  const rlim_t room = pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) + (16U << 20);
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_AS, &before) == 0);
  const rlimit narrow{room, before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_AS, &narrow) == 0);
  const auto image = SealImage(request);
  REQUIRE(setrlimit(RLIMIT_AS, &before) == 0);
  INFO(image.status().ToString());
  REQUIRE(image.ok());
  CHECK(image->script);
  CHECK(image->sealed);
}
#endif

TEST_CASE("a file that becomes shorter while it is read is no program", "[os][image]") {
  LeakCheck leaks;
  constexpr off_t kSize = 4 << 20;
  const std::string path = MakeFile(leaks, "");
  ImageRequest request = Request(path);
  request.max_bytes = kSize;
  std::jthread writer([&path](const std::stop_token& stop) {
    while (!stop.stop_requested() && truncate(path.c_str(), kSize) == 0) {
      if (truncate(path.c_str(), kSize - 1) != 0) return;
    }
  });
  Status status;
  while (status.ok() && std::chrono::steady_clock::now() < request.deadline) {
    status = SealImage(request).status();
  }
  CHECK(status.code() == Code::kUnavailable);
  CHECK(status.message().find("shorter") != std::string::npos);
}

TEST_CASE("what cannot be a program is refused with its reason", "[os][image]") {
  LeakCheck leaks;
  CHECK(Reason(SealImage(Request(leaks.scratch() + "/none"))) == "command_not_found");
  CHECK(Reason(SealImage(Request(leaks.scratch()))) == "not_executable");
  CHECK(Reason(SealImage(Request(MakeFile(leaks, "x", 0600)))) == "not_executable");
  const std::string fifo = leaks.scratch() + "/fifo";
  REQUIRE(mkfifo(fifo.c_str(), 0700) == 0);
  CHECK(Reason(SealImage(Request(fifo))) == "not_executable");
  CHECK(Reason(OpenImage(Request(fifo))) == "not_executable");
}

TEST_CASE("an image larger than the limit is refused", "[os][image]") {
  LeakCheck leaks;
  const std::string path = MakeFile(leaks, std::string((1 << 20) + 1, 'z'));
  CHECK(Reason(SealImage(Request(path))) == "image_too_large");
  CHECK(OpenImage(Request(path)).ok());
}

TEST_CASE("reading an image ends at a cancel and at the deadline", "[os][image]") {
  LeakCheck leaks;
  ImageRequest request = Request(MakeFile(leaks, "x"));
  std::stop_source source;
  source.request_stop();
  request.cancel = source.get_token();
  CHECK(SealImage(request).status().code() == Code::kCancelled);
  request.cancel = {};
  request.deadline = After(Millis{0});
  CHECK(SealImage(request).status().code() == Code::kDeadlineExceeded);
}

TEST_CASE("a script is recognised, and copied with mode 0500", "[os][image]") {
  LeakCheck leaks;
  const auto image = SealImage(Request(MakeFile(leaks, "#!/bin/sh\nexit 0\n")));
  REQUIRE(image.ok());
  CHECK(image->script);
  const std::string copy = leaks.scratch() + "/copy";
  REQUIRE(CopyImage(*image, copy).ok());
  struct stat info {};
  REQUIRE(stat(copy.c_str(), &info) == 0);
  CHECK((info.st_mode & 07777) == 0500);
  std::ifstream in(copy);
  CHECK(std::string(std::istreambuf_iterator<char>(in), {}) == "#!/bin/sh\nexit 0\n");
}

TEST_CASE("one version is copied once for many starts at the same time", "[os][image]") {
  LeakCheck leaks;
  const std::string path = MakeFile(leaks, std::string(900'000, 'q'));
  const std::string sha = test::Sha256OfFile(path);
  ImageCache cache;
  std::vector<std::thread> threads;
  std::vector<ImageCache::ImagePtr> images(8);
  for (auto& image : images) {
    threads.emplace_back([&] {
      auto got = cache.Sealed(Request(path, sha));
      if (got.ok()) image = *got;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(cache.copies() == 1);
  REQUIRE(images[0] != nullptr);
  for (const auto& image : images) CHECK(image == images[0]);
}

TEST_CASE("images nobody uses are dropped after a few others", "[os][image]") {
  LeakCheck leaks;
  ImageCache cache;
  std::weak_ptr<const Image> first;
  for (int i = 0; i < 6; ++i) {
    const std::string path = MakeFile(leaks, "version " + std::to_string(i));
    auto image = cache.Sealed(Request(path, test::Sha256OfFile(path)));
    REQUIRE(image.ok());
    if (i == 0) first = *image;
    if (i == 1) CHECK_FALSE(first.expired());
  }
  CHECK(first.expired());
}

TEST_CASE("a load that failed is tried again by the next start", "[os][image]") {
  LeakCheck leaks;
  ImageCache cache;
  const std::string path = MakeFile(leaks, "right");
  const std::string sha = test::Sha256OfFile(path);
  MakeFile(leaks, "wrong");
  CHECK(cache.Sealed(Request(path, sha)).status().reason() == "checksum_mismatch");
  MakeFile(leaks, "right");
  CHECK(cache.Sealed(Request(path, sha)).ok());
}

}  // namespace
}  // namespace plugreload::internal
