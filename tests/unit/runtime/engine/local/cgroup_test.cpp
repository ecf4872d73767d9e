// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "runtime/engine/local/cgroup.hpp"

using namespace berth;
using namespace berth::runtime;

namespace {

constexpr const char* v1_memory =
    "30 25 0:27 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n";
constexpr const char* v1_cpu =
    "31 25 0:28 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n";
constexpr const char* v1_pids = "32 25 0:29 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n";
constexpr const char* v1_systemd =
    "33 25 0:30 / /sys/fs/cgroup/systemd rw - cgroup cgroup "
    "rw,xattr,release_agent=/x,name=systemd\n";
constexpr const char* unified =
    "34 25 0:31 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n";
constexpr const char* root = "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/vda rw\n";

}  // namespace

TEST_CASE("version 2 alone is one hierarchy") {
  const auto found = parse_cgroup_mounts(std::string(root) +
                                         "35 25 0:31 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  REQUIRE(found.has_value());
  CHECK(*found == std::vector<CgroupHierarchy>{{"/sys/fs/cgroup", {}, true}});
}

TEST_CASE("version 1 gives every hierarchy with its controllers") {
  const auto found =
      parse_cgroup_mounts(std::string(root) + v1_memory + v1_cpu + v1_pids + v1_systemd);
  REQUIRE(found.has_value());
  REQUIRE(found->size() == 4);
  CHECK((*found)[1] == CgroupHierarchy{"/sys/fs/cgroup/cpu,cpuacct", {"cpu", "cpuacct"}, false});
  CHECK((*found)[3].controllers == std::vector<std::string>{"name=systemd"});
}

TEST_CASE("hybrid uses version 1 and names the mount that crun must not see") {
  const std::string text = std::string(v1_memory) + v1_cpu + v1_pids + unified;
  const auto found = parse_cgroup_mounts(text);
  REQUIRE(found.has_value());
  CHECK(found->size() == 3);
  CHECK(hybrid_unified_mount(text) == "/sys/fs/cgroup/unified");
  CHECK(hybrid_unified_mount(unified).empty());
}

TEST_CASE("version 1 mounts without the needed controllers leave version 2 in charge") {
  const auto found = parse_cgroup_mounts(std::string(v1_systemd) + unified);
  REQUIRE(found.has_value());
  CHECK(found->front().v2);
}

TEST_CASE("no cgroups at all is an error that says what is missing") {
  const auto found = parse_cgroup_mounts(root);
  REQUIRE(found.has_error());
  CHECK(found.error().message.find("memory, cpu and pids") != std::string::npos);
}

TEST_CASE("our own group is found for each controller") {
  const std::string text = "9:name=systemd:/\n4:memory:/process_api/abc\n2:cpu,cpuacct:/x\n0::/y\n";
  CHECK(own_cgroup(text, "memory") == "/process_api/abc");
  CHECK(own_cgroup(text, "cpuacct") == "/x");
  CHECK(own_cgroup(text, "") == "/y");
  CHECK(own_cgroup(text, "pids") == "/");
}
