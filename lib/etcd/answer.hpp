// etcd/answer.hpp - what an error of etcd or of gRPC says about a request.
#ifndef PLUGRELOAD_ETCD_ANSWER_HPP_
#define PLUGRELOAD_ETCD_ANSWER_HPP_

#include <grpcpp/support/status.h>

#include <string>

#include "plugreload/status.hpp"

namespace plugreload::etcd {

// What is known about a request after one attempt.
enum class Fate {
  kDone,     // answered
  kNotSent,  // it cannot have been carried out; another endpoint may do
  kInDoubt,  // it may have been, or may yet be, carried out
  kRefused,  // it was not carried out, and would not be elsewhere
};
struct Answer {
  Fate fate = Fate::kNotSent;
  Status status;  // why, unless it is done; of kRefused, for the caller
};

// Whatever is not known to be harmless is in doubt.
Answer Understand(const grpc::Status& status, const std::string& url);

// The token is too old, or etcd was restarted: it was not carried out, and a new one will do.
bool WantsNewToken(const grpc::Status& status);

}  // namespace plugreload::etcd

#endif  // PLUGRELOAD_ETCD_ANSWER_HPP_
