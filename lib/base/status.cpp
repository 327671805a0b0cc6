#include "plugreload/status.hpp"

#include <array>

namespace plugreload {

std::string_view CodeName(Code code) {
  static constexpr std::array<std::string_view, 17> kNames = {"OK",
                                                              "CANCELLED",
                                                              "UNKNOWN",
                                                              "INVALID_ARGUMENT",
                                                              "DEADLINE_EXCEEDED",
                                                              "NOT_FOUND",
                                                              "ALREADY_EXISTS",
                                                              "PERMISSION_DENIED",
                                                              "RESOURCE_EXHAUSTED",
                                                              "FAILED_PRECONDITION",
                                                              "ABORTED",
                                                              "OUT_OF_RANGE",
                                                              "UNIMPLEMENTED",
                                                              "INTERNAL",
                                                              "UNAVAILABLE",
                                                              "DATA_LOSS",
                                                              "UNAUTHENTICATED"};
  const auto index = static_cast<std::size_t>(code);
  return index < kNames.size() ? kNames[index] : "CODE_UNKNOWN";
}

Status::Status(Code code, std::string_view reason, std::string_view message) {
  if (code == Code::kOk) return;
  rep_ = std::make_shared<const Rep>(Rep{code, std::string(reason), std::string(message)});
}

std::string_view Status::reason() const {
  return rep_ ? std::string_view(rep_->reason) : std::string_view();
}

std::string_view Status::message() const {
  return rep_ ? std::string_view(rep_->message) : std::string_view();
}

std::string Status::ToString() const {
  if (ok()) return "OK";
  return std::string(CodeName(code())) + " " + rep_->reason + ": " + rep_->message;
}

Status Status::WithContext(std::string_view context) const {
  if (ok()) return {};
  return Status(rep_->code, rep_->reason, std::string(context) + ": " + rep_->message);
}

}  // namespace plugreload
