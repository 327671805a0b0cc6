#include "http_host/tokens.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "plugreload/namespaces.hpp"

namespace example {
namespace {

// Looks at every byte of `given`, wherever the first difference is.
bool SameToken(std::string_view known, std::string_view given) {
  unsigned difference = known.size() == given.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char other = known[i % known.size()];
    difference |= static_cast<unsigned char>(given[i] ^ other);
  }
  return difference == 0;
}

}  // namespace

void Tokens::AddFile(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error("cannot read the token file " + path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string token, ns;
    words >> token >> ns;
    if (!token.empty() && token.front() != '#') Add(token, ns);
  }
}

void Tokens::Add(std::string token, std::string_view ns) {
  const auto canonical = plugreload::CanonicalNamespace(ns);
  if (!canonical.ok()) throw std::runtime_error(canonical.status().ToString());
  if (token.empty()) throw std::runtime_error("an empty token");
  entries_.push_back({std::move(token), *canonical});
}

std::vector<std::string_view> Tokens::Find(std::string_view token) const {
  std::vector<std::string_view> found;
  for (const Entry& entry : entries_) {
    if (SameToken(entry.token, token)) found.push_back(entry.ns);
  }
  return found;
}

bool Tokens::Allows(std::string_view token, std::string_view ns) const {
  const auto found = Find(token);
  return std::any_of(found.begin(), found.end(),
                     [ns](std::string_view prefix) { return ns.starts_with(prefix); });
}

}  // namespace example
