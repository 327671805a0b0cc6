// plugreload/authoriser.hpp - a ready-made authoriser: static tokens.
#ifndef PLUGRELOAD_AUTHORISER_HPP_
#define PLUGRELOAD_AUTHORISER_HPP_

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "plugreload/export.hpp"
#include "plugreload/host.hpp"
#include "plugreload/status.hpp"

namespace plugreload {

// What a token may do. One token may have several rules; any of them is enough.
struct TokenRule {
  std::string token;
  std::string ns;       // as Vault's header gives it; "": the root
  bool subtree = true;  // in the namespaces below, too
  // Empty: all of them.
  std::vector<Operation> operations;
  // Endpoints as in Call::endpoint, or what they begin with when they end with '*'
  // ("sys/plugins/reload/*"). Empty: every endpoint, and paths that are none.
  std::vector<std::string> endpoints;
};

// For Host::Authorise of a server that has no tokens of its own. Tokens are compared by their
// SHA-256, in a time that does not depend on where they differ; they are not kept. Endpoints marked
// unauthenticated are open to everybody.
//
// Thread safety: immutable.
class PLUGRELOAD_EXPORT StaticTokens {
 public:
  // kInvalidArgument: an empty token or a namespace that cannot be one.
  static Result<StaticTokens> Create(const std::vector<TokenRule>& rules);

  Decision Authorise(const Call& call) const noexcept;
  // Whether some rule of the token covers all of the namespace (canonical) or a part of it. For the
  // host's own routes: kAll may act there, kPart only below.
  enum class Reach { kNone, kPart, kAll };
  Reach In(std::string_view token, std::string_view ns) const noexcept;

 private:
  using Digest = std::array<unsigned char, 32>;
  struct Rule {
    Digest digest;
    TokenRule rule;  // without the token
  };
  std::vector<Rule> rules_;
};

}  // namespace plugreload

#endif  // PLUGRELOAD_AUTHORISER_HPP_
