// dispatch/address.hpp - which namespace a call is about.
#ifndef PLUGRELOAD_DISPATCH_ADDRESS_HPP_
#define PLUGRELOAD_DISPATCH_ADDRESS_HPP_

#include <string>
#include <string_view>

#include "plugreload/namespaces.hpp"

namespace plugreload::internal {

struct Address {
  std::string ns;      // canonical
  std::string path;    // below it
  bool exists = true;  // false: the namespace of the header is not there; ns is what it asked for
};

// The namespace of the header, and below it the longest chain of namespaces that the path begins
// with. The whole header must be a namespace; the path may as well be about no namespace at all.
Address Locate(const NamespaceTree& namespaces, std::string_view header, std::string_view path);

}  // namespace plugreload::internal

#endif  // PLUGRELOAD_DISPATCH_ADDRESS_HPP_
