// SPDX-License-Identifier: Apache-2.0
//
// The OCI runtime configuration of a container (config.json), pure. Its process is the agent; what
// the agent then runs is said to it over a socket, so no secret stands in this file.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/engine/local/maker.hpp"

namespace berth::runtime {

struct OciMount {
  std::string source;  ///< on the shim's stage
  std::string target;  ///< absolute, inside
  bool writable = false;
};

struct OciContainer {
  Maker maker = Maker::crun;
  std::string root;        ///< the mounted root, absolute
  std::string init;        ///< the agent's program on the stage
  std::string network;     ///< of runsc: the network namespace, made before
  std::string hostname;
  std::uint32_t uid = 0;   ///< of the agent
  std::uint32_t gid = 0;
  std::uint32_t uid_base = 0;  ///< inside 0…65535 is outside uid_base…uid_base+65535
  std::vector<std::string> capabilities;  ///< "CAP_KILL"; inside its user namespace only
  std::uint64_t open_files = 0;           ///< not above our own hard limit: raising it is refused
  int oom_score_adjust = 0;
  std::uint64_t tmp_bytes = 0;            ///< size of a tmpfs on /tmp; 0: /tmp is in the root
  std::uint64_t shm_bytes = 64ULL << 20;
  std::vector<OciMount> mounts;
  std::string cgroup;  ///< its path in every hierarchy, for makers that join it themselves
  std::string seccomp_filter;             ///< compile_seccomp_filter(), for makers that take it
};

[[nodiscard]] std::string oci_config(const OciContainer& container);

}  // namespace berth::runtime
