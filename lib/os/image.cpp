#include "os/image.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <functional>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "os/hash_behind.hpp"
#include "os/sha256.hpp"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

namespace plugreload::internal {
namespace {

constexpr std::size_t kChunk = 256 * 1024;

Status OpenError(const std::string& path, int error) {
  if (error == ENOENT || error == ENOTDIR) {
    return Status(Code::kNotFound, "command_not_found",
                  fmt::format("there is no file \"{}\"", path));
  }
  if (error == EACCES || error == EPERM) {
    return Status(Code::kFailedPrecondition, "not_executable",
                  fmt::format("the file \"{}\" may not be read by this user", path));
  }
  return Status(Code::kResourceExhausted, "spawn_failed",
                fmt::format("cannot open \"{}\": {}", path, ErrnoText(error)));
}

// Asks about the open file, so that a path replaced meanwhile changes nothing.
bool MayExecute(const Fd& file, const struct stat& info) {
  if ((info.st_mode & 0111) == 0) return false;
  const std::string link = fmt::format("/proc/self/fd/{}", file.get());
  return faccessat(AT_FDCWD, link.c_str(), X_OK, AT_EACCESS) == 0 || errno != EACCES;
}

Result<Fd> OpenProgram(const ImageRequest& request) {
  // Without O_NONBLOCK, opening a fifo would wait for its writer.
  Fd file(open(request.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.valid()) return OpenError(request.path, errno);
  struct stat info {};
  if (fstat(file.get(), &info) != 0) return OpenError(request.path, errno);
  if (!S_ISREG(info.st_mode)) {
    return Status(Code::kFailedPrecondition, "not_executable",
                  fmt::format("\"{}\" is not a regular file", request.path));
  }
  if (!MayExecute(file, info)) {
    return Status(Code::kFailedPrecondition, "not_executable",
                  fmt::format("the file \"{}\" is not executable by this user (mode {:04o}); chmod "
                              "+x it",
                              request.path, info.st_mode & 07777));
  }
  return file;
}

using Sink = std::function<Status(const char* data, std::size_t size)>;

// Reads the whole file from its beginning, a chunk at a time.
Status ReadAll(const Fd& file, const ImageRequest& request, const Sink& sink) {
  std::vector<char> chunk(kChunk);
  std::size_t total = 0;
  for (;;) {
    if (request.cancel.stop_requested()) {
      return Status(Code::kCancelled, "cancelled", "cancelled while its file was read");
    }
    if (std::chrono::steady_clock::now() >= request.deadline) {
      return Status(Code::kDeadlineExceeded, "handshake_timeout",
                    fmt::format("the deadline passed while \"{}\" was read", request.path));
    }
    const auto got = pread(file.get(), chunk.data(), chunk.size(), static_cast<off_t>(total));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return Status(Code::kUnavailable, "spawn_failed",
                    fmt::format("cannot read \"{}\": {}", request.path, ErrnoText(errno)));
    }
    if (got == 0) return {};
    total += static_cast<std::size_t>(got);
    if (total > request.max_bytes) {
      return Status(Code::kResourceExhausted, "image_too_large",
                    fmt::format("\"{}\" has more than {} bytes; raise max_image_bytes or use "
                                "image \"in_place\"",
                                request.path, request.max_bytes));
    }
    if (Status status = sink(chunk.data(), static_cast<std::size_t>(got)); !status.ok()) {
      return status;
    }
  }
}

Status WriteAll(const Fd& file, const char* data, std::size_t size) {
  while (size > 0) {
    const auto written = write(file.get(), data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      return Status(Code::kResourceExhausted, "spawn_failed",
                    "cannot write a private copy: " + ErrnoText(errno));
    }
    data += written;
    size -= static_cast<std::size_t>(written);
  }
  return {};
}

// MFD_EXEC is refused by kernels before 6.3 (then memory files are executable anyway) and by a
// machine with vm.memfd_noexec=2.
Fd NewMemoryFile(bool& executable) {
  constexpr unsigned kFlags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  executable = true;
  Fd fd(memfd_create("plugin", kFlags | MFD_EXEC));
  if (!fd.valid() && errno == EINVAL) fd.Reset(memfd_create("plugin", kFlags));
  if (!fd.valid() && (errno == EACCES || errno == EPERM)) {
    executable = false;
    fd.Reset(memfd_create("plugin", kFlags | MFD_NOEXEC_SEAL));
  }
  return fd;
}

Status CheckSum(const ImageRequest& request, const std::string& actual) {
  if (actual.empty()) return Status(Code::kInternal, "spawn_failed", "libcrypto has no SHA-256");
  if (request.sha256.empty() || request.sha256 == actual) return {};
  return Status(Code::kFailedPrecondition, "checksum_mismatch",
                fmt::format("checksums did not match: \"{}\" has sha256 {}, registered is {}; "
                            "register the new digest or "
                            "restore the file",
                            request.path, actual, request.sha256));
}

// Hashing takes as long as copying. Of a small file a thread would cost more than it spares.
void BeginSecondThread(const Fd& file, const Fd* copy, std::optional<HashBehind>& behind) {
  constexpr off_t kWorthIt = 1 << 20;
  struct stat info {};
  if (copy == nullptr || fstat(file.get(), &info) != 0 || info.st_size < kWorthIt) return;
  try {
    behind.emplace(*copy);
  } catch (const std::system_error&) {
    // Then one thread does both.
  }
}

// Without a wanted digest there is nothing to compare, but the digest is reported all the same.
Status Digest(const ImageRequest& request, const Fd& file, const Fd* copy, Image& image) {
  Sha256 sha;
  std::optional<HashBehind> behind;
  BeginSecondThread(file, copy, behind);
  std::string head;
  Status status = ReadAll(file, request, [&](const char* data, std::size_t size) {
    if (head.size() < 2) head.append(data, size < 2 ? size : 2);
    if (!behind) sha.Add(data, size);
    Status written = copy == nullptr ? Status() : WriteAll(*copy, data, size);
    if (behind && written.ok()) behind->Written(size);
    return written;
  });
  if (!status.ok()) return status;
  image.script = head.substr(0, 2) == "#!";
  image.sha256 = behind ? behind->Hex() : sha.Hex();
  return CheckSum(request, image.sha256);
}

}  // namespace

Result<Image> SealImage(const ImageRequest& request) {
  const Result<Fd> file = OpenProgram(request);
  if (!file.ok()) return file.status();
  Image image;
  image.fd = NewMemoryFile(image.executable);
  if (!image.fd.valid()) {
    return Status(Code::kResourceExhausted, "spawn_failed",
                  "cannot make a memory file: " + ErrnoText(errno));
  }
  if (Status status = Digest(request, *file, &image.fd, image); !status.ok()) return status;
  constexpr int kSeals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
  if (fcntl(image.fd.get(), F_ADD_SEALS, kSeals) != 0) {
    return Status(Code::kUnavailable, "spawn_failed",
                  "cannot seal a memory file: " + ErrnoText(errno));
  }
  image.sealed = true;
  return image;
}

Result<Image> OpenImage(const ImageRequest& request) {
  Result<Fd> file = OpenProgram(request);
  if (!file.ok()) return file.status();
  Image image;
  ImageRequest unlimited = request;
  unlimited.max_bytes = static_cast<std::size_t>(-1);  // the limit is one of memory
  if (Status status = Digest(unlimited, *file, nullptr, image); !status.ok()) return status;
  image.fd = *std::move(file);
  return image;
}

Status CopyImage(const Image& image, const std::string& path) {
  const Fd copy(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0500));
  if (!copy.valid() || fchmod(copy.get(), 0500) != 0) {
    return Status(Code::kResourceExhausted, "spawn_failed",
                  fmt::format("cannot make a private copy \"{}\": {}", path, ErrnoText(errno)));
  }
  ImageRequest request;
  request.path = path;
  request.max_bytes = static_cast<std::size_t>(-1);
  request.deadline = Deadline::max();  // the bytes are in memory
  return ReadAll(image.fd, request, [&copy](const char* data, std::size_t size) {
    return WriteAll(copy, data, size);
  });
}

}  // namespace plugreload::internal
