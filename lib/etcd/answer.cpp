#include "etcd/answer.hpp"

#include <fmt/format.h>

#include <string>

namespace plugreload::etcd {
namespace {

bool Says(const grpc::Status& status, std::string_view text) {
  return status.error_message().find(text) != std::string::npos;
}

Status Passed(Code code, std::string_view reason, const std::string& url,
              const grpc::Status& status) {
  return Status(code, reason, fmt::format("etcd at {}: {}", url, status.error_message()));
}

}  // namespace

bool WantsNewToken(const grpc::Status& status) {
  return status.error_code() == grpc::StatusCode::UNAUTHENTICATED ||
         Says(status, "user name is empty") || Says(status, "revision of auth store is old");
}

Answer Understand(const grpc::Status& status, const std::string& url) {
  const auto unreachable = [&] {
    return Passed(Code::kUnavailable, "store_unreachable", url, status);
  };
  switch (status.error_code()) {
    case grpc::StatusCode::OK:
      return {Fate::kDone, {}};
    case grpc::StatusCode::NOT_FOUND:
      return {Fate::kRefused, Passed(Code::kNotFound, "lease_not_found", url, status)};
    case grpc::StatusCode::OUT_OF_RANGE:
      return {Fate::kRefused,
              Passed(Code::kOutOfRange, Says(status, "compacted") ? "compacted" : "store_refused",
                     url, status)};
    case grpc::StatusCode::INVALID_ARGUMENT:
      if (Says(status, "authentication failed")) {
        return {Fate::kRefused, Passed(Code::kUnauthenticated, "store_login_failed", url, status)};
      }
      return {Fate::kRefused, Passed(Code::kInvalidArgument, "store_refused", url, status)};
    case grpc::StatusCode::UNAUTHENTICATED:
      return {Fate::kRefused, Passed(Code::kUnauthenticated, "store_login_failed", url, status)};
    case grpc::StatusCode::PERMISSION_DENIED:
      return {Fate::kRefused, Passed(Code::kPermissionDenied, "store_permission", url, status)};
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      if (Says(status, "too many requests")) return {Fate::kNotSent, unreachable()};
      return {Fate::kRefused, Passed(Code::kResourceExhausted, "store_full", url, status)};
    case grpc::StatusCode::UNIMPLEMENTED:
      return {Fate::kRefused, Passed(Code::kUnimplemented, "store_too_old", url, status)};
    case grpc::StatusCode::FAILED_PRECONDITION:
      if (Says(status, "not leader")) return {Fate::kInDoubt, unreachable()};
      return {Fate::kRefused, Passed(Code::kFailedPrecondition, "store_refused", url, status)};
    default:
      // "no leader" is said before anything is done.
      return {Says(status, "etcdserver: no leader") ? Fate::kNotSent : Fate::kInDoubt,
              unreachable()};
  }
}

}  // namespace plugreload::etcd
