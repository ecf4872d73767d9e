// SPDX-License-Identifier: Apache-2.0
//
// What the local engine is told about its machine. Two engines side by side (a test beside
// production) need directories, a bridge, a subnet, a table and a cgroup name of their own.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace berth::runtime {

struct NetworkOptions {
  std::string bridge = "berth0";          ///< also the name's prefix of nothing else
  std::string subnet = "198.18.0.0/16";   ///< the bridge takes its first address
  /// IPv6, whose first 96 bits count: the others are those of the IPv4 address. "auto": a local one
  /// (RFC 4193) that follows from the bridge and the subnet; "none".
  std::string subnet6 = "auto";
  std::string veth_prefix = "bth";        ///< at most 4 characters
  std::string table = "berth";            ///< nft tables `inet` and `bridge` of this name
  std::uint32_t mtu = 0;                  ///< 0: the default route's
  /// From the apps to the outside: link-local, and where clouds keep their metadata otherwise.
  std::vector<std::string> denied_networks = {
      "169.254.0.0/16", "64:ff9b::a9fe:0/112",  // the same by NAT64
      "fe80::/10",      "fd00:ec2::254",        "fd20:ce::254", "fd00:c1::a9fe:a9fe"};
  std::vector<std::string> dns;           ///< empty: the host's resolvers
  /// That an app's replicas may have begun together; 0: a quarter of those that the kernel keeps
  /// track of, for all of the machine.
  std::uint32_t connections_per_app = 0;
  std::uint32_t questions_per_second = 1000;  ///< a replica may ask name servers of the host
};

struct LocalOptions {
  std::filesystem::path data_dir;   ///< `replicas/` and `sandboxes/` lie below it, on a real disk
  std::filesystem::path shim;       ///< the program berth-shim
  std::filesystem::path stage = "/run/berth-stage";  ///< an empty directory for the shims' tmpfs
  std::string oci_runtime{"native"};  ///< as choose_maker() takes it, for who says nothing else
  std::string cgroup = "berth";     ///< the directory in every hierarchy; builds have NAME-builds
  std::uint32_t log_lines_per_second = 5000;  ///< per replica; more is dropped and counted
  /// For the mounts of a container that has exited to go, before another has its volume.
  std::chrono::milliseconds volume_patience = std::chrono::seconds(10);
  NetworkOptions network;
};

}  // namespace berth::runtime
