// SPDX-License-Identifier: Apache-2.0
//
// Makers of containers, the shim itself, crun and runc: what a program finds inside is the same.
#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "tests/support/container_bench.hpp"

using namespace berth;
using namespace berth::test;
using namespace std::string_literals;

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

/// Of `text`, the lines that begin with none of these paths.
std::string without(const std::string& text, std::initializer_list<std::string_view> paths) {
  std::string result;
  std::istringstream input(text);
  for (std::string line; std::getline(input, line);)
    if (std::ranges::none_of(paths, [&](auto path) { return line.starts_with(path); }))
      result += line + "\n";
  return result;
}

struct Inside {
  std::string mounts, identity, first_process, limits, devices;
};

Inside inside(const char* maker, bool as_root) {
  ContainerBench bench;
  auto& engine = bench.open();
  const auto look = [&](const std::string& id, std::vector<std::string> words) {
    return run(bench, engine, id, std::move(words), as_root, maker);
  };
  return {.mounts = look("mounts", {"print", "/proc/self/mountinfo"}),
          .identity = look("identity", {"identity"}),
          .first_process = look("first", {"print", "/proc/1/oom_score_adj", "/proc/1/cgroup",
                                          "/proc/sys/net/ipv4/ip_unprivileged_port_start"}),
          .limits = look("limits", {"print", "/proc/self/limits"}),
          .devices = look("devices", {"list", "/", "/dev", "/dev/pts"})};
}

}  // namespace

TEST_CASE("the shim's own containers are those of crun and runc: mounts, user, limits, devices") {
  SKIP_WITHOUT_CONTAINERS();
  for (const auto& [maker, as_root] :
       {std::pair{"crun", false}, {"crun", true}, {"runc", false}, {"runc", true}}) {
    const Inside ours = inside("native", as_root);
    const Inside theirs = inside(maker, as_root);
    CHECK(missing(theirs.mounts, ours.mounts) == "");
    CHECK(mounts_of(theirs.mounts).size() == mounts_of(ours.mounts).size());
    CHECK(ours.identity == theirs.identity);
    CHECK(ours.limits == theirs.limits);
    // runc makes no link to the masked /proc/kcore, and gives message queues the group of nobody.
    const auto devices = [&](const Inside& one) {
      return maker == "runc"s ? without(one.devices, {"/dev/core ", "/dev/mqueue "}) : one.devices;
    };
    CHECK(devices(ours) == devices(theirs));
    CHECK(ours.first_process == theirs.first_process);
  }
}

TEST_CASE("a maker that the machine does not have fails that start, and leaves nothing") {
  SKIP_WITHOUT_CONTAINERS();
  ContainerBench bench;
  auto& engine = bench.open();
  auto spec = bench.spec("r-1", {"exit", "0"});
  spec.oci = "/nowhere/crun";
  CHECK(why(engine.start(spec)) ==
        "start web.1: the OCI runtime '/nowhere/crun' is not installed on this machine: install "
        "the package crun, or choose another runtime");
  CHECK(engine.list().empty());
  CHECK(fs::is_empty(bench.path("data") / "replicas"));
  CHECK(runtime::Cgroups::open(bench.options().cgroup)->list().empty());
  CHECK(run(bench, engine, "r-2", {"exit", "0"}).empty());
}
