// SPDX-License-Identifier: Apache-2.0
//
// The job of one shim, written by the engine into the container's directory as `shim.conf`: a line
// is a key, a space and the rest of the line. No secret stands in it: the program and its
// environment reach the shim through a memory file. Shared with the static shim.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/engine/local/maker.hpp"

namespace berth::runtime {

/// One idmapped mount below the staging directory: an overlay if `lowers` or `upper` is set, the
/// ext4 file system of a volume on `device`, else a bind of `source`.
struct ShimMount {
  std::string name;    ///< below the staging directory: "rootfs", "m0", …
  std::string target;  ///< inside; of the root empty
  std::string source;
  std::string device;
  bool writable = false;
  std::vector<std::string> lowers;  ///< top first
  std::string upper;
  std::string work;
  friend bool operator==(const ShimMount&, const ShimMount&) = default;
};

struct ShimConf {
  std::string id;
  std::string stage;        ///< an empty, world-traversable directory; covered by a private tmpfs
  Maker maker = Maker::native;
  std::string oci_runtime;  ///< the path of the maker's program
  std::string unified;      ///< a cgroup2 mount to take out of our mount namespace, or empty
  std::uint32_t uid_base = 0;
  std::string hostname;
  std::uint32_t uid = 0;  ///< of the agent, inside
  std::uint32_t gid = 0;
  std::uint64_t capabilities = 0;  ///< a bit each, by number
  std::uint64_t open_files = 0;
  std::uint32_t oom_score_adjust = 0;
  std::uint64_t tmp_bytes = 0;  ///< 0: /tmp is in the root
  std::uint64_t shm_bytes = 0;
  std::vector<ShimMount> mounts;  ///< the root first
  std::vector<std::string> cgroups;  ///< directories to join and, at the end, to remove
  std::string oom_events;            ///< the file with the line "oom_kill N"
  std::string veth;                  ///< empty: loopback only
  std::string bridge;
  std::string address;
  std::string gateway;
  std::string address6;  ///< empty: IPv4 alone
  std::string gateway6;
  std::uint32_t mtu = 1500;
  std::uint32_t network_rate = 0;  ///< bytes a second, each way; 0: no limit
  std::string log_file;    ///< empty: the output goes to whoever attaches
  std::string log_source;  ///< "web.1"
  std::uint32_t log_lines_per_second = 5000;
  bool program = false;   ///< a program is given (descriptor 4); otherwise a client (descriptor 5)
  bool terminal = false;
  bool attach_stdin = false;
  friend bool operator==(const ShimConf&, const ShimConf&) = default;
};

/// Nothing if a value holds a line break, which no value of ours needs.
[[nodiscard]] bool write_shim_conf(const ShimConf& conf, std::string& text);
/// False at the first line that is not understood.
[[nodiscard]] bool parse_shim_conf(std::string_view text, ShimConf& conf);

/// The descriptors that a shim is started with.
inline constexpr int shim_status_fd = 3;   ///< a stream: what it reports, as on its socket
inline constexpr int shim_program_fd = 4;  ///< a memory file: an encoded AgentRun
inline constexpr int shim_client_fd = 5;   ///< a connection for the agent
inline constexpr int shim_note_fd = 6;     ///< a memory file that it keeps for its engine
inline constexpr int shim_filter_fd = 7;   ///< a memory file: the compiled seccomp filter

}  // namespace berth::runtime
