#include "os/image.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "os/hash_behind.hpp"
#include "os/image_memory.hpp"
#include "os/sha256.hpp"

namespace plugreload::internal {
namespace {

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

struct Program {
  Fd file;
  std::size_t size = 0;
};

Result<Program> OpenProgram(const ImageRequest& request) {
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
  return Program{std::move(file), static_cast<std::size_t>(info.st_size)};
}

// Where a file is read to.
struct Sink {
  std::function<std::span<char>()> room;              // none: it is full
  std::function<Status(std::size_t count)> received;  // the first of the room's bytes
};

// Reads the file from its beginning to its end, or until the sink is full.
Status ReadAll(const Fd& file, const ImageRequest& request, const Sink& sink) {
  std::size_t total = 0;
  for (;;) {
    if (request.cancel.stop_requested()) {
      return Status(Code::kCancelled, "cancelled", "cancelled while its file was read");
    }
    if (std::chrono::steady_clock::now() >= request.deadline) {
      return Status(Code::kDeadlineExceeded, "handshake_timeout",
                    fmt::format("the deadline passed while \"{}\" was read", request.path));
    }
    const std::span<char> room = sink.room();
    if (room.empty()) return {};
    const auto got = pread(file.get(), room.data(), room.size(), static_cast<off_t>(total));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      return Status(Code::kUnavailable, "spawn_failed",
                    fmt::format("cannot read \"{}\": {}", request.path, ErrnoText(errno)));
    }
    if (got == 0) return {};
    total += static_cast<std::size_t>(got);
    if (Status status = sink.received(static_cast<std::size_t>(got)); !status.ok()) return status;
  }
}

// The whole file in pieces, each told to `use` while it is there.
template <typename Use>
Status ReadInPieces(const Fd& file, const ImageRequest& request, const Use& use) {
  std::vector<char> piece(256 * 1024);
  return ReadAll(file, request,
                 {[&piece] { return std::span<char>(piece); },
                  [&](std::size_t count) { return use(std::string_view(piece.data(), count)); }});
}

bool IsScript(std::string_view bytes) { return bytes.substr(0, 2) == "#!"; }

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
void BeginSecondThread(const ImageMemory& memory, std::optional<HashBehind>& behind) {
  constexpr std::size_t kWorthIt = 1 << 20;
  if (memory.size() < kWorthIt || memory.bytes() == nullptr) return;
  try {
    behind.emplace(memory.bytes());
  } catch (const std::system_error&) {
    // Then one thread does both.
  }
}

// Hashes what came to lie in memory, where nobody else writes.
Status CopyAndHash(const Fd& file, const ImageRequest& request, ImageMemory& memory, Image& image) {
  Sha256 sha;
  std::optional<HashBehind> behind;
  BeginSecondThread(memory, behind);
  std::size_t total = 0;
  std::span<char> room;
  const auto received = [&](std::size_t count) {
    if (total == 0) image.script = IsScript(std::string_view(room.data(), count));
    total += count;
    if (!behind) sha.Add(room.data(), count);
    Status filled = memory.Filled(count);
    if (filled.ok() && behind) behind->Written(count);
    return filled;
  };
  Status status = ReadAll(file, request, {[&] { return room = memory.Room(); }, received});
  if (!status.ok()) return status;
  if (!memory.whole()) {
    return Status(Code::kUnavailable, "spawn_failed",
                  fmt::format("\"{}\" was made shorter while it was read: {} of {} bytes; put new "
                              "versions beside the old ones or rename them into place",
                              request.path, total, memory.size()));
  }
  image.sha256 = behind ? behind->Hex() : sha.Hex();
  return {};
}

Result<Image> Seal(const Program& program, const ImageRequest& request, bool mapped) {
  Result<ImageMemory> memory = ImageMemory::Make(program.size, mapped);
  if (!memory.ok()) return memory.status();
  Image image;
  // Without a wanted digest there is nothing to compare, but it is reported all the same.
  Status status = CopyAndHash(program.file, request, *memory, image);
  if (status.ok()) status = CheckSum(request, image.sha256);
  if (!status.ok()) return status;
  image.executable = memory->executable();
  Result<Fd> sealed = (*std::move(memory)).Seal();
  if (!sealed.ok()) return sealed.status();
  image.fd = *std::move(sealed);
  image.sealed = true;
  return image;
}

}  // namespace

Result<Image> SealImage(const ImageRequest& request) {
  const Result<Program> program = OpenProgram(request);
  if (!program.ok()) return program.status();
  if (program->size > request.max_bytes) {
    return Status(Code::kResourceExhausted, "image_too_large",
                  fmt::format("\"{}\" has {} bytes, more than {}; raise max_image_bytes or use "
                              "image \"in_place\"",
                              request.path, program->size, request.max_bytes));
  }
  Result<Image> image = Seal(*program, request, true);
  // Read and hashed anew: what another process may write is not what was hashed.
  if (image.status().code() == Code::kAborted) image = Seal(*program, request, false);
  return image;
}

Result<Image> OpenImage(const ImageRequest& request) {
  Result<Program> program = OpenProgram(request);
  if (!program.ok()) return program.status();
  Image image;
  Sha256 sha;
  std::string head;
  Status status = ReadInPieces(program->file, request, [&](std::string_view piece) {
    if (head.size() < 2) head.append(piece.substr(0, 2));
    sha.Add(piece.data(), piece.size());
    return Status();
  });
  if (!status.ok()) return status;
  image.script = IsScript(head);
  image.sha256 = sha.Hex();
  if (status = CheckSum(request, image.sha256); !status.ok()) return status;
  image.fd = std::move(program->file);
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
  request.deadline = Deadline::max();  // the bytes are in memory
  std::size_t total = 0;
  return ReadInPieces(image.fd, request, [&](std::string_view piece) {
    return WriteAt(copy, piece, std::exchange(total, total + piece.size()));
  });
}

}  // namespace plugreload::internal
