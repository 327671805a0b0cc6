// StaticTokens, the ready-made authoriser.
#include <string>
#include <utility>
#include <vector>

#include "plugreload/authoriser.hpp"
#include "support/catch.hpp"

namespace plugreload::test {
namespace {

TokenRule Rule(std::string token, std::string ns) {
  TokenRule rule;
  rule.token = std::move(token);
  rule.ns = std::move(ns);
  return rule;
}

bool Allows(const StaticTokens& tokens, std::string_view token, std::string_view ns,
            std::string_view endpoint = "sys/mounts", Operation operation = Operation::kRead) {
  Call call;
  call.token = token;
  call.ns = ns;
  call.endpoint = endpoint;
  call.operation = operation;
  return tokens.Authorise(call) == Decision::kAllow;
}

TEST_CASE("without rules nobody gets in, but for what is open to everybody", "[api]") {
  const auto tokens = StaticTokens::Create({});
  REQUIRE(tokens.ok());
  CHECK_FALSE(Allows(*tokens, "", ""));
  CHECK_FALSE(Allows(*tokens, "root", ""));
  Call health;
  health.unauthenticated = true;
  CHECK(tokens->Authorise(health) == Decision::kAllow);
}

TEST_CASE("a token reaches its namespace and what is below", "[api]") {
  TokenRule alone = Rule("alone", "/team/");
  alone.subtree = false;
  const auto tokens = StaticTokens::Create({Rule("root", "root"), Rule("team", "team"), alone});
  REQUIRE(tokens.ok());
  for (const char* ns : {"", "team/", "team/a/", "teams/"}) CHECK(Allows(*tokens, "root", ns));
  CHECK(Allows(*tokens, "team", "team/"));
  CHECK(Allows(*tokens, "team", "team/a/"));
  CHECK_FALSE(Allows(*tokens, "team", ""));
  CHECK_FALSE(Allows(*tokens, "team", "teams/"));
  CHECK(Allows(*tokens, "alone", "team/"));
  CHECK_FALSE(Allows(*tokens, "alone", "team/a/"));
  for (const char* token : {"", "tea", "team ", "teamx", "TEAM"}) {
    CHECK_FALSE(Allows(*tokens, token, "team/"));
  }
}

TEST_CASE("a rule can be about operations and endpoints", "[api]") {
  TokenRule reader = Rule("reader", "");
  reader.operations = {Operation::kRead, Operation::kList};
  TokenRule reloader = Rule("reloader", "");
  reloader.endpoints = {"sys/plugins/reload/*", "sys/mounts"};
  // Two rules of one token: what one of them allows.
  TokenRule both = Rule("reader", "team");
  const auto tokens = StaticTokens::Create({reader, reloader, both});
  REQUIRE(tokens.ok());
  CHECK(Allows(*tokens, "reader", ""));
  CHECK(Allows(*tokens, "reader", "", "sys/namespaces", Operation::kList));
  CHECK_FALSE(Allows(*tokens, "reader", "", "sys/mounts", Operation::kUpdate));
  CHECK_FALSE(Allows(*tokens, "reader", "", "sys/mounts", Operation::kDelete));
  CHECK(Allows(*tokens, "reader", "team/", "sys/mounts", Operation::kDelete));
  CHECK(Allows(*tokens, "reloader", "", "sys/plugins/reload/backend", Operation::kUpdate));
  CHECK(Allows(*tokens, "reloader", "", "sys/mounts"));
  CHECK_FALSE(Allows(*tokens, "reloader", "", "sys/mounts/{path*}"));
  // Paths that are no endpoint: only for who may do everything.
  CHECK_FALSE(Allows(*tokens, "reloader", "", ""));
  CHECK(Allows(*tokens, "reader", "", ""));
}

TEST_CASE("a host asks which part of a namespace a token reaches", "[api]") {
  const auto tokens = StaticTokens::Create({Rule("team", "team/a"), Rule("root", "")});
  REQUIRE(tokens.ok());
  CHECK(tokens->In("root", "team/") == StaticTokens::Reach::kAll);
  CHECK(tokens->In("team", "team/a/b/") == StaticTokens::Reach::kAll);
  CHECK(tokens->In("team", "team/") == StaticTokens::Reach::kPart);
  CHECK(tokens->In("team", "") == StaticTokens::Reach::kPart);
  CHECK(tokens->In("team", "other/") == StaticTokens::Reach::kNone);
  CHECK(tokens->In("nobody", "team/a/") == StaticTokens::Reach::kNone);
}

TEST_CASE("a rule that cannot be meant is refused", "[api]") {
  CHECK(StaticTokens::Create({Rule("", "")}).status().reason() == "empty_token");
  CHECK(StaticTokens::Create({Rule("x", "a b")}).status().code() == Code::kInvalidArgument);
}

}  // namespace
}  // namespace plugreload::test
