#include "namespaces/path_text.hpp"

#include "support/catch.hpp"

namespace plugreload::internal {
namespace {

TEST_CASE("namespaces become canonical", "[namespaces]") {
  for (const std::string_view root : {"", "/", "//", "root", "/root", "root/", "/root/"}) {
    INFO(root);
    CHECK(*CanonicalNamespace(root) == "");
  }
  CHECK(*CanonicalNamespace("team") == "team/");
  CHECK(*CanonicalNamespace("/team/project") == "team/project/");
  CHECK(*CanonicalNamespace("//team/project//") == "team/project/");
  CHECK(*CanonicalNamespace("\u00e9quipe/a.b-c_d") == "\u00e9quipe/a.b-c_d/");
}

TEST_CASE("malformed and reserved namespaces are refused", "[namespaces]") {
  for (const std::string name :
       {"root", "sys", "audit", "auth", "cubbyhole", "identity", ".", ".."}) {
    INFO(name);
    CHECK(CanonicalNamespace("a/" + name).status().reason() == "reserved_name");
    CHECK(CanonicalNamespace(name + "/a").status().reason() == "reserved_name");
    if (name != "root") CHECK(CanonicalNamespace(name).status().reason() == "reserved_name");
  }
  for (const std::string ns :
       {"a//b", "a b", "a+", "*", "a\n", "a\x7f", "a/\x01/b", "a\xff", "a/\xc3"}) {
    const auto canonical = CanonicalNamespace(ns);
    CHECK(canonical.status().code() == Code::kInvalidArgument);
    CHECK(canonical.status().reason() == "invalid_namespace");
    CHECK(canonical.status().message().find('\n') == std::string_view::npos);
  }
  CHECK_FALSE(CanonicalNamespace(std::string("a\0b", 3)).ok());
  CHECK(CanonicalNamespace(std::string(4095, 'a'))->size() == 4096);
  CHECK_FALSE(CanonicalNamespace(std::string(4096, 'a')).ok());
  CHECK(CanonicalNamespace("rooted").ok());
}

TEST_CASE("mount paths become canonical", "[namespaces]") {
  CHECK(*CanonicalMountPath("kv") == "kv/");
  CHECK(*CanonicalMountPath("kv/") == "kv/");
  CHECK(*CanonicalMountPath("kv/sub path/x") == "kv/sub path/x/");
  CHECK(*CanonicalMountPath("..a/...") == "..a/.../");
  for (const std::string path : {"", "/", "/kv", "kv//", "kv//x", ".", "..", "a/./b", "a/..",
                                 "a\tb", "a/\x7f", "\xff", "a/\xc3"}) {
    INFO(path);
    CHECK(CanonicalMountPath(path).status().reason() == "invalid_path");
  }
  CHECK(CanonicalMountPath(std::string(4095, 'a')).ok());
  CHECK_FALSE(CanonicalMountPath(std::string(4096, 'a')).ok());
  CHECK_FALSE(CanonicalMountPath(std::string("a\0", 2)).ok());
}

TEST_CASE("auth mounts lie below auth and others below nothing reserved", "[namespaces]") {
  CHECK(*MountPathFor(PluginType::kAuth, "ldap") == "auth/ldap/");
  CHECK(*MountPathFor(PluginType::kAuth, "auth/ldap/") == "auth/ldap/");
  CHECK(*MountPathFor(PluginType::kAuth, "authority") == "auth/authority/");
  CHECK(*MountPathFor(PluginType::kAuth, "sys") == "auth/sys/");
  CHECK_FALSE(MountPathFor(PluginType::kAuth, "auth").ok());
  CHECK_FALSE(MountPathFor(PluginType::kAuth, std::string(4094, 'a')).ok());
  for (const PluginType type : {PluginType::kSecret, PluginType::kDatabase}) {
    for (const std::string path :
         {"auth", "auth/x", "sys", "sys/raw", "cubbyhole/", "identity", "audit/file"}) {
      CHECK(MountPathFor(type, path).status().reason() == "reserved_path");
    }
    CHECK(*MountPathFor(type, "system") == "system/");
    CHECK(*MountPathFor(type, "my/sys") == "my/sys/");
  }
}

TEST_CASE("parents, first segments and reach", "[namespaces]") {
  CHECK(ParentNamespace("a/") == "");
  CHECK(ParentNamespace("a/b/c/") == "a/b/");
  CHECK(FirstSegment("kv/sub/") == "kv/");
  CHECK(TrimNamespace("//a/b//") == "a/b");
  CHECK(TrimNamespace("/root/") == "");
  CHECK(TrimNamespace("root/a") == "root/a");
  CHECK(InReach("a/", "a/", Depth::kSelf));
  CHECK_FALSE(InReach("a/", "a/b/", Depth::kSelf));
  CHECK(InReach("a/", "a/b/", Depth::kChildren));
  CHECK_FALSE(InReach("a/", "a/b/c/", Depth::kChildren));
  CHECK(InReach("a/", "a/b/c/", Depth::kSubtree));
  CHECK_FALSE(InReach("a/", "ab/", Depth::kSubtree));
  CHECK(InReach("", "a/b/", Depth::kSubtree));
  CHECK_FALSE(InReach("", "a/b/", Depth::kChildren));
}

}  // namespace
}  // namespace plugreload::internal
