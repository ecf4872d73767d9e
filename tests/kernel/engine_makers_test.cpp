// SPDX-License-Identifier: Apache-2.0
//
// Two makers of containers, the shim itself and crun: what a program finds inside is the same.
#include <map>
#include <set>
#include <sstream>

#include "tests/support/container_bench.hpp"

using namespace berth;
using namespace berth::test;

namespace {

/// Each mount point with its file system and options, "type,ro,nosuid,…", of /proc/self/mountinfo.
std::map<std::string, std::set<std::string>> mounts_of(const std::string& text) {
  std::map<std::string, std::set<std::string>> result;
  std::istringstream input(text);
  for (std::string line; std::getline(input, line);) {
    std::istringstream fields(line);
    std::string id, parent, device, root, point, options, word;
    fields >> id >> parent >> device >> root >> point >> options;
    std::set<std::string>& words = result[point];
    std::istringstream list(options);
    while (std::getline(list, word, ',')) words.insert(word);
    while (fields >> word && word != "-") {
    }
    fields >> word;
    words.insert(word);
  }
  return result;
}

/// What the first has of mounts that the second does not have, or has with fewer restrictions.
std::string missing(const std::string& first, const std::string& second) {
  std::string result;
  const auto others = mounts_of(second);
  for (const auto& [point, words] : mounts_of(first)) {
    const auto other = others.find(point);
    for (const std::string& word : words)
      if (other == others.end() ||
          (!other->second.contains(word) && word != "rw" && word != "relatime"))
        result += point + " " + word + "\n";
  }
  return result;
}

struct Inside {
  std::string mounts, identity, first_process, limits, devices;
};

Inside inside(const char* maker, bool as_root) {
  ContainerBench bench;
  auto options = bench.options();
  options.oci_runtime = maker;
  auto& engine = bench.open(options);
  const auto look = [&](const std::string& id, std::vector<std::string> words) {
    return run(bench, engine, id, std::move(words), as_root);
  };
  return {.mounts = look("mounts", {"print", "/proc/self/mountinfo"}),
          .identity = look("identity", {"identity"}),
          .first_process = look("first", {"print", "/proc/1/oom_score_adj", "/proc/1/cgroup",
                                          "/proc/sys/net/ipv4/ip_unprivileged_port_start"}),
          .limits = look("limits", {"print", "/proc/self/limits"}),
          .devices = look("devices", {"list", "/", "/dev", "/dev/pts"})};
}

}  // namespace

TEST_CASE("the shim's own containers are those of crun: mounts, user, limits, devices") {
  SKIP_WITHOUT_CONTAINERS();
  for (const bool as_root : {false, true}) {
    const Inside ours = inside("native", as_root);
    const Inside theirs = inside("crun", as_root);
    CHECK(missing(theirs.mounts, ours.mounts) == "");
    CHECK(mounts_of(theirs.mounts).size() == mounts_of(ours.mounts).size());
    CHECK(ours.identity == theirs.identity);
    CHECK(ours.limits == theirs.limits);
    CHECK(ours.devices == theirs.devices);
    CHECK(ours.first_process == theirs.first_process);
  }
}
