// plugreload/status.hpp - the outcome of a call that can fail.
#ifndef PLUGRELOAD_STATUS_HPP_
#define PLUGRELOAD_STATUS_HPP_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "plugreload/export.hpp"

namespace plugreload {

// The numbers are those of gRPC and absl::StatusCode, so a bridge is a cast. They never change.
enum class Code : std::int32_t {
  kOk = 0,
  kCancelled = 1,         // the caller, or somebody with the reload_id, cancelled it
  kUnknown = 2,           // a change was sent to the store and may or may not have been applied
  kInvalidArgument = 3,   // the input is wrong whatever the state; nothing was changed
  kDeadlineExceeded = 4,  // the deadline passed; the call says what holds now
  kNotFound = 5,          // no such plugin, version, pin, namespace, mount or reload_id
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,   // a limit of the options, or of the machine
  kFailedPrecondition = 9,  // the input is right but the state forbids it; nothing was changed
  kAborted = 10,            // another writer was faster; retrying may succeed
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,     // a bug, or a plugin or host callback that broke its contract
  kUnavailable = 14,  // the plugin does not serve now; retrying later may succeed
  kDataLoss = 15,
  kUnauthenticated = 16,
};

// "OK", "NOT_FOUND", ... ; "CODE_UNKNOWN" for a number that is none of the above.
PLUGRELOAD_EXPORT std::string_view CodeName(Code code);

// Success, or a code with a reason and a message. The reason is a short stable word for programs
// ("pinned_version", "checksum_mismatch"); the message is one line for a person: what was tried, on
// which plugin, mount and namespace, what happened, what to do. Copying is cheap; success is free.
//
// Thread safety: a const Status may be shared; distinct copies are independent.
class [[nodiscard]] PLUGRELOAD_EXPORT Status {
 public:
  Status() = default;
  // A kOk code makes an OK status whatever the texts.
  Status(Code code, std::string_view reason, std::string_view message);

  bool ok() const { return rep_ == nullptr; }
  Code code() const { return rep_ ? rep_->code : Code::kOk; }
  // Borrowed until this Status is assigned or destroyed; empty when ok().
  std::string_view reason() const;
  std::string_view message() const;
  // "OK", or "NOT_FOUND plugin_not_found: message".
  std::string ToString() const;

  // The same code and reason, the message behind "context: ". OK stays OK.
  Status WithContext(std::string_view context) const;

 private:
  struct Rep {
    Code code;
    std::string reason;
    std::string message;
  };
  std::shared_ptr<const Rep> rep_;
};

// A T, or why there is none.
//
// Thread safety: as T's.
template <typename T>
class [[nodiscard]] Result {
 public:
  // Implicit on purpose, so that `return value;` and `return status;` both read naturally.
  Result(T value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
  // REQUIRES: !status.ok(). An OK status without a value becomes kInternal.
  Result(Status status)  // NOLINT(google-explicit-constructor)
      : status_(status.ok() ? Status(Code::kInternal, "no_value", "a result without a value")
                            : std::move(status)) {}

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }

  // REQUIRES: ok().
  T& operator*() & { return *value_; }
  const T& operator*() const& { return *value_; }
  T&& operator*() && { return *std::move(value_); }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }

 private:
  Status status_;
  std::optional<T> value_;
};

}  // namespace plugreload

#endif  // PLUGRELOAD_STATUS_HPP_
