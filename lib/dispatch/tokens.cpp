// StaticTokens: the ready-made authoriser.
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include <algorithm>
#include <utility>

#include "plugreload/authoriser.hpp"
#include "plugreload/namespaces.hpp"

namespace plugreload {
namespace {

using Digest = std::array<unsigned char, 32>;

Digest DigestOf(std::string_view token) {
  Digest digest{};
  SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(), digest.data());
  return digest;
}

bool Same(const Digest& a, const Digest& b) {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

bool Covers(const TokenRule& rule, std::string_view ns) {
  return rule.subtree ? ns.starts_with(rule.ns) : ns == rule.ns;
}

bool Matches(const std::string& pattern, std::string_view endpoint) {
  const std::string_view text = pattern;
  return text.ends_with('*') ? endpoint.starts_with(text.substr(0, text.size() - 1))
                             : text == endpoint;
}

bool Allows(const TokenRule& rule, const Call& call) {
  if (!Covers(rule, call.ns)) return false;
  const bool operation =
      rule.operations.empty() || std::find(rule.operations.begin(), rule.operations.end(),
                                           call.operation) != rule.operations.end();
  const bool endpoint =
      rule.endpoints.empty() ||
      std::any_of(rule.endpoints.begin(), rule.endpoints.end(),
                  [&](const std::string& pattern) { return Matches(pattern, call.endpoint); });
  return operation && endpoint;
}

}  // namespace

Result<StaticTokens> StaticTokens::Create(const std::vector<TokenRule>& rules) {
  StaticTokens tokens;
  for (const TokenRule& rule : rules) {
    if (rule.token.empty()) {
      return Status(Code::kInvalidArgument, "empty_token", "a rule without a token");
    }
    auto ns = CanonicalNamespace(rule.ns);
    if (!ns.ok()) return ns.status().WithContext("the rule of a token");
    Rule kept{DigestOf(rule.token), rule};
    kept.rule.token.clear();
    kept.rule.ns = *std::move(ns);
    tokens.rules_.push_back(std::move(kept));
  }
  return tokens;
}

// Every rule is looked at, whichever fits.
Decision StaticTokens::Authorise(const Call& call) const noexcept {
  if (call.unauthenticated) return Decision::kAllow;
  const Digest digest = DigestOf(call.token);
  bool allowed = false;
  for (const Rule& rule : rules_) {
    const bool same = Same(rule.digest, digest);
    const bool covers = Allows(rule.rule, call);
    allowed = allowed || (same && covers);
  }
  return allowed ? Decision::kAllow : Decision::kDeny;
}

StaticTokens::Reach StaticTokens::In(std::string_view token, std::string_view ns) const noexcept {
  const Digest digest = DigestOf(token);
  Reach reach = Reach::kNone;
  for (const Rule& rule : rules_) {
    const bool same = Same(rule.digest, digest);
    const bool covers = Covers(rule.rule, ns);
    const bool below = std::string_view(rule.rule.ns).starts_with(ns);
    if (!same) continue;
    if (covers) return Reach::kAll;
    if (below) reach = Reach::kPart;
  }
  return reach;
}

}  // namespace plugreload
