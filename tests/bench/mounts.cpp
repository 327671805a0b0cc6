#include "mounts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <random>

namespace plugreload::bench {

DataSet::DataSet(std::size_t count) {
  std::mt19937 random(20262);
  const std::size_t leaves = std::clamp<std::size_t>(count / 100, 4, 10'000);
  const std::size_t teams = (leaves + 99) / 100;
  for (std::size_t i = 0; i < teams; ++i) namespaces.push_back(fmt::format("team-{:02}/", i));
  for (std::size_t i = 0; i < leaves; ++i) {
    namespaces.push_back(fmt::format("team-{:02}/project-{:02}/", i % teams, i / teams));
  }
  mounts.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t kind = i % 25;
    const std::size_t number = i / leaves;
    std::string path = fmt::format("kv-{:04}/", number);
    if (kind >= 20 && kind < 23) path = fmt::format("pki/x-{}/", number);
    if (kind >= 23) path = fmt::format("deep/er-{}/kv-{:04}/", number % 7, number);
    mounts.push_back({namespaces[teams + i % leaves], std::move(path)});
  }
  const std::size_t wanted = count <= 1'000 ? 16'384 : 262'144;
  texts_.reserve(wanted);
  requests.reserve(wanted);
  for (std::size_t i = 0; i < wanted; ++i) {
    const std::size_t index = random() % count;
    const MountPath& mount = mounts[index];
    const bool hit = random() % 10 != 0;
    const std::string below = fmt::format("data/app-{}/config-{}", random() % 1000, random() % 10);
    texts_.push_back(mount.ns +
                     (hit ? mount.path + below : fmt::format("kx-{:04}/{}", index % 977, below)));
    const std::string_view text = texts_.back();
    requests.push_back({text.substr(0, mount.ns.size()), text.substr(mount.ns.size()), text,
                        hit ? mount.ns.size() + mount.path.size() - 1 : 0, index});
  }
}

}  // namespace plugreload::bench
