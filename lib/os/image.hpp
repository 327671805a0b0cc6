// os/image.hpp - the bytes of a plugin: opened once, hashed, and the same bytes executed.
#ifndef PLUGRELOAD_OS_IMAGE_HPP_
#define PLUGRELOAD_OS_IMAGE_HPP_

#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>

#include "os/fd.hpp"
#include "plugreload/status.hpp"
#include "plugreload/types.hpp"

namespace plugreload::internal {

struct Image {
  Fd fd;                   // the sealed copy, or the file itself
  std::string sha256;      // of the bytes, in lower case
  bool script = false;     // begins with "#!": its interpreter opens it by name
  bool executable = true;  // false: the machine forbids executing memory files; run a copy
  bool sealed = false;
};

struct ImageRequest {
  std::string path;
  std::string sha256;  // what the bytes must have; empty: anything
  std::size_t max_bytes = 0;
  Deadline deadline;
  std::stop_token cancel;
};

// Both open the path once. Errors by reason: "command_not_found", "not_executable",
// "checksum_mismatch", "image_too_large", "cancelled", "handshake_timeout" (the deadline),
// "spawn_failed".
//
// Copies the file into a sealed memory file and hashes the bytes on their way, of a large file on a
// second thread: nobody can change what was hashed.
Result<Image> SealImage(const ImageRequest& request);
// Hashes the file through the descriptor that is executed later.
Result<Image> OpenImage(const ImageRequest& request);

// Writes the image's bytes to a new file `path`, mode 0500. kResourceExhausted "spawn_failed".
Status CopyImage(const Image& image, const std::string& path);

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_OS_IMAGE_HPP_
