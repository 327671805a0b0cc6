// What one node has just made, another one finds, although its image of the store lags behind.
#include <functional>
#include <future>
#include <memory>
#include <string>

#include "scenario/lagging_store.hpp"
#include "scenario/node.hpp"

namespace plugreload::test {
namespace {

Node::Tweak Named(const std::string& name) {
  return [name](RuntimeOptions& options) { options.node = name; };
}

struct Slow {
  std::shared_ptr<StateStore> store = NewMemoryStore();
  std::shared_ptr<LaggingStore> lagging = std::make_shared<LaggingStore>(store);
  Node quick{Named("a"), store};
  Node slow{Named("b"), lagging};

  Slow() { TwoVersions(quick); }

  // What the slow node answers to `call`, of something that has not arrived there when it is asked
  // and does when it looks into the store.
  std::string Ask(const std::function<void()>& make, const std::function<Status()>& call) {
    lagging->Lag();
    make();
    const int loads = lagging->loads();
    auto answer = std::async(std::launch::async, call);
    (void)Eventually([&] {
      return lagging->loads() > loads || answer.wait_for(Millis(0)) == std::future_status::ready;
    });
    lagging->Arrive();
    return answer.get().ToString();
  }
};

TEST_CASE("a version that another node has just registered is pinned, mounted and reloaded to",
          "[cluster]") {
  Slow nodes;
  CHECK(nodes.Ask([&] { nodes.quick.Register("kv", "v3.0.0"); },
                  [&] {
                    return nodes.slow.registry().SetPin({PluginType::kSecret, "kv", "v3.0.0"});
                  }) == "OK");
  CHECK(nodes.Ask([&] { nodes.quick.Register("other", "v1.0.0"); },
                  [&] { return nodes.slow.TryMount("", "other/", "other").status(); }) == "OK");
  CHECK(nodes.Ask([&] { nodes.quick.Register("kv", "v4.0.0"); },
                  [&] {
                    ReloadRequest request = Everywhere("kv");
                    request.scope = Scope::kGlobal;
                    request.pin = PluginRef{PluginType::kSecret, "kv", "v4.0.0"};
                    return nodes.slow.reloads().Submit(request).status();
                  }) == "OK");
  CHECK(nodes.Ask([&] { nodes.quick.Register("kv", "v5.0.0"); },
                  [&] {
                    return nodes.slow.registry().Deregister({PluginType::kSecret, "kv", "v5.0.0"});
                  }) == "OK");
  CHECK(nodes.slow.registry().SetPin({PluginType::kSecret, "kv", "v9.0.0"}).reason() ==
        "plugin_not_found");
}

TEST_CASE("a mount or namespace that another node has just made is found", "[cluster]") {
  Slow nodes;
  auto& tree = nodes.slow.namespaces();
  auto& reloads = nodes.slow.reloads();
  CHECK(nodes.Ask([&] { nodes.quick.Create("team"); }, [&] { return tree.Create("team/a"); }) ==
        "OK");
  CHECK(nodes.Ask([&] { nodes.quick.Create("two"); },
                  [&] { return nodes.slow.TryMount("two", "kv/").status(); }) == "OK");
  CHECK(nodes.Ask([&] { nodes.quick.Mount("", "kv/"); },
                  [&] { return reloads.Move("", "kv/", "", "moved/"); }) == "OK");
  CHECK(nodes.Ask([&] { nodes.quick.Mount("", "named/"); },
                  [&] {
                    const ReloadReport report = nodes.slow.Reload(OfMounts("", {"named"}));
                    return report.mounts.at(0).status.code() == Code::kNotFound
                               ? report.mounts.at(0).status
                               : Status();
                  }) == "OK");
  CHECK(nodes.Ask([&] { nodes.quick.Mount("", "tuned/"); },
                  [&] { return reloads.TuneMount("", "tuned/", TuneDescription("x")); }) == "OK");
  CHECK(nodes.Ask([&] { nodes.quick.Mount("", "gone/"); },
                  [&] { return reloads.Unmount("", "gone/", After(kSoon)); }) == "OK");
  CHECK(nodes.Ask([&] { nodes.quick.Create("three"); },
                  [&] { return reloads.Submit(InNamespace("three", "kv")).status(); }) == "OK");
  CHECK(nodes.Ask([&] { nodes.quick.Create("four"); }, [&] { return tree.Remove("four"); }) ==
        "OK");
  CHECK(reloads.Unmount("", "never/", After(kSoon)).reason() == "mount_not_found");
  CHECK(tree.Create("never/a").reason() == "namespace_not_found");
}

TEST_CASE("dispatched calls find what another node has just made", "[cluster]") {
  Slow nodes;
  // The status of a call, where a reply says no more.
  const auto call = [&](const std::string& method, const std::string& path, const std::string& ns,
                        const std::string& body) {
    return [&nodes, method, path, ns, body] {
      Request request;
      request.method = method;
      request.target = "/v1/" + path;
      request.ns = ns;
      request.body = body;
      const Response response = nodes.slow.runtime->Dispatch(request);
      return response.status < 300
                 ? Status()
                 : Status(Code::kNotFound, std::to_string(response.status), response.body);
    };
  };
  CHECK(nodes.Ask([&] { nodes.quick.Create("team"); },
                  call("POST", "sys/mounts/kv", "team", R"({"type":"kv"})")) == "OK");
  CHECK(nodes.Ask([&] { nodes.quick.Mount("", "named/"); },
                  call("POST", "sys/plugins/reload/backend", "", R"({"mounts":["named"]})")) ==
        "OK");
  CHECK(nodes.slow.namespaces().FindMount("team", "kv/").has_value());
  CHECK(call("GET", "sys/mounts", "never", "")().reason() == "404");
}

TEST_CASE("a mount that starts while its plugin is pinned otherwise runs the new pin",
          "[cluster]") {
  const auto store = NewMemoryStore();
  Node a(Named("a"), store), b(Named("b"), store);
  TwoVersions(a);
  a.plugins.Hold("v1.0.0@kv/");
  auto mounting = std::async(std::launch::async, [&] { return a.TryMount("", "kv/").status(); });
  REQUIRE(a.plugins.WaitFor("start", "v1.0.0@kv/", 1));
  // A reload that cannot know of the mount.
  ReloadRequest request = Everywhere("kv");
  request.scope = Scope::kGlobal;
  request.pin = PluginRef{PluginType::kSecret, "kv", "v2.0.0"};
  CHECK(b.Wait(b.Submit(request)).state == ReloadState::kDone);
  a.plugins.HealAll();
  CHECK(mounting.get().ToString() == "OK");
  CHECK(a.VersionAt("", "kv/") == "v2.0.0");
  CHECK(a.namespaces().FindMount("", "kv/")->version == "v2.0.0");
  CHECK(Eventually([&] { return b.reloads().Acquire("", "kv/", kSoon).ok(); }));
  CHECK(b.VersionAt("", "kv/") == "v2.0.0");
}

}  // namespace
}  // namespace plugreload::test
