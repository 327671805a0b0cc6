// http_host/tokens.hpp - who may do what: static tokens, each for a namespace and all below it.
#ifndef EXAMPLES_HTTP_HOST_TOKENS_HPP_
#define EXAMPLES_HTTP_HOST_TOKENS_HPP_

#include <string>
#include <string_view>
#include <vector>

namespace example {

// Thread safety: immutable after Add and AddFile.
class Tokens {
 public:
  // A file of lines "token [namespace]"; empty lines and lines that begin with '#' are skipped.
  // Throws std::runtime_error.
  void AddFile(const std::string& path);
  // `ns` as Vault's header has it; "" is the root, and with it everything.
  void Add(std::string token, std::string_view ns);

  // The namespace (canonical) of each entry that has this token; none: the token is unknown. Takes
  // the same time whatever the token.
  std::vector<std::string_view> Find(std::string_view token) const;
  // Whether the token may act in the namespace (canonical).
  bool Allows(std::string_view token, std::string_view ns) const;

 private:
  struct Entry {
    std::string token;
    std::string ns;
  };
  std::vector<Entry> entries_;
};

}  // namespace example

#endif  // EXAMPLES_HTTP_HOST_TOKENS_HPP_
