// SPDX-License-Identifier: Apache-2.0
//
// berth.yaml: every key, its default and its checks. Unknown keys and wrong types are
// errors with line and column. config/berth.yaml is the commented copy of the defaults; a
// test keeps the two equal.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/acme.hpp"
#include "base/result.hpp"

namespace berth::platform {

/// What a replica of this size may use.
struct SizeClass {
  std::uint64_t memory_bytes = 512ULL << 20;
  std::uint64_t cpu_milli = 1000;
  std::uint64_t pids = 512;
  std::uint64_t disk_bytes = 2ULL << 30;
  std::uint64_t disk_rate = 0;     ///< bytes a second, read and written each; 0: no limit
  std::uint64_t network_rate = 0;  ///< bytes a second, in and out each; 0: no limit
  friend bool operator==(const SizeClass&, const SizeClass&) = default;
};

/// A part of the machine that apps are placed in by its labels (docs/placement.md).
struct Pool {
  std::map<std::string, std::string> labels = {};  ///< beside pool=NAME
  std::string oci = {};            ///< as runtime.oci, which it is if empty
  std::uint64_t memory_bytes = 0;  ///< set apart for it; 0: of "default" what others leave,
  std::uint64_t cpu_milli = 0;     ///< of others any amount
  friend bool operator==(const Pool&, const Pool&) = default;
};
using Pools = std::map<std::string, Pool>;

inline constexpr std::string_view default_pool = "default";

struct Config {
  std::filesystem::path data_dir = "/var/lib/berth";
  std::filesystem::path buildpacks_dir = {};  ///< empty: "buildpacks" beside the executable
  std::filesystem::path dashboard_dir = {};   ///< empty: "dashboard" beside the executable
  std::string domain = "localhost";
  std::string log_level = "info";

  struct Api {
    std::string listen = "127.0.0.1:7070";
    friend bool operator==(const Api&, const Api&) = default;
  } api;

  struct Router {
    std::vector<std::string> listen = {"0.0.0.0:8080"};
    std::vector<std::string> https = {};    ///< where it speaks TLS; empty: nowhere
    /// PEM files of the certificate for *.domain; empty: one of the platform's own authority.
    std::filesystem::path certificate = {};
    std::filesystem::path certificate_key = {};
    std::string admin = "127.0.0.1:7071";  ///< its /metrics; empty: none
    int threads = 0;                        ///< 0: one a core
    std::string io = "auto";                ///< how threads wait: auto, epoll or io_uring
    bool managed = true;                    ///< the server starts and restarts it
    std::vector<std::string> trusted_proxies = {};  ///< networks whose X-Forwarded-For is believed
    std::vector<std::string> proxy_protocol = {};   ///< networks that begin with a PROXY header
    int max_connections_per_address = 0;            ///< 0: any number
    std::chrono::milliseconds first_byte_timeout = std::chrono::seconds(30);
    std::chrono::milliseconds idle_timeout = std::chrono::seconds(55);
    std::chrono::milliseconds hold_timeout = std::chrono::seconds(30);
    friend bool operator==(const Router&, const Router&) = default;
  } router;

  /// The authority that gives certificates by ACME.
  struct Acme {
    std::string directory = {};             ///< its URL; empty: none
    std::string contact = {};               ///< an e-mail address, or empty
    std::filesystem::path trusted = {};     ///< PEM, for an authority of one's own
    AcmeMethod challenge = AcmeMethod::http_01;
    int port = 80;                          ///< where the public reaches router.listen
    int tls_port = 443;                     ///< and router.https
    std::filesystem::path dns_hook = {};    ///< the program for dns-01
    std::string dns_server = {};            ///< where records are looked for; empty: the system's
    std::chrono::milliseconds dns_timeout = std::chrono::minutes(2);
    friend bool operator==(const Acme&, const Acme&) = default;
  } acme;

  struct Network {
    std::string bridge = "berth0";
    std::string subnet = "198.18.0.0/16";
    std::string subnet6 = "auto";  ///< or "none", or a network
    friend bool operator==(const Network&, const Network&) = default;
  } network;

  struct Runtime {
    std::string oci = "native";  ///< or the name or path of an OCI runtime
    std::string cgroup = "berth";  ///< name of our group in each hierarchy
    std::chrono::milliseconds boot_timeout = std::chrono::seconds(60);
    std::chrono::milliseconds stop_grace = std::chrono::seconds(30);
    std::chrono::milliseconds drain_timeout = std::chrono::seconds(30);
    std::uint32_t first_uid = 1'000'000;  ///< app n has the 65,536 uids from first_uid + n * 65,536
    std::map<std::string, SizeClass> sizes = {{"standard", {}}};  ///< "standard" must be there
    friend bool operator==(const Runtime&, const Runtime&) = default;
  } runtime;

  Pools pools = {{std::string(default_pool), {}}};  ///< "default" must be there

  /// How often a pool's memory and processors may be declared by what runs in it; 0: any number.
  struct Overcommit {
    int memory = 8;
    int cpu = 0;
    friend bool operator==(const Overcommit&, const Overcommit&) = default;
  } overcommit;

  struct Rollback {
    std::chrono::milliseconds keep = std::chrono::minutes(10);  ///< of replicas; 0: none
    friend bool operator==(const Rollback&, const Rollback&) = default;
  } rollback;

  struct Previews {
    std::chrono::milliseconds expire = std::chrono::hours(24 * 7);  ///< after a push; 0: never
    int most = 10;                                                  ///< of an app
    friend bool operator==(const Previews&, const Previews&) = default;
  } previews;

  struct Build {
    std::chrono::milliseconds timeout = std::chrono::minutes(15);
    std::uint64_t memory_bytes = 2ULL << 30;
    std::uint64_t cpu_milli = 2000;
    std::uint64_t pids = 4096;
    std::uint64_t disk_bytes = 8ULL << 30;
    int parallel = 1;  ///< builds at a time
    /// Versions that no package registry has are asked for where their projects publish them.
    bool upstream_downloads = false;
    std::chrono::milliseconds queue_timeout = std::chrono::minutes(30);  ///< others wait so long
    friend bool operator==(const Build&, const Build&) = default;
  } build;

  struct Images {
    std::vector<std::string> registries = {};  ///< "HOST[:PORT]", or "http://…" without TLS
    std::uint64_t max_size_bytes = 8ULL << 30;  ///< of an upload, and of an image unpacked
    int keep_releases = 10;  ///< of an app, whose images stay for a rollback
    friend bool operator==(const Images&, const Images&) = default;
  } images;

  struct Cache {
    std::uint64_t max_bytes = 20ULL << 30;     ///< of all apps' builds together; 0: any
    std::uint64_t max_app_bytes = 4ULL << 30;  ///< of one app's; 0: any
    friend bool operator==(const Cache&, const Cache&) = default;
  } cache;

  struct Git {
    std::uint64_t max_push_bytes = 256ULL << 20;
    friend bool operator==(const Git&, const Git&) = default;
  } git;

  struct Autoscale {
    std::chrono::milliseconds up_window = std::chrono::seconds(3);
    std::chrono::milliseconds down_window = std::chrono::seconds(30);
    std::chrono::milliseconds idle_before_zero = std::chrono::seconds(60);
    friend bool operator==(const Autoscale&, const Autoscale&) = default;
  } autoscale;

  struct Logs {
    /// An app's current.log is rotated at this size, one old kept.
    std::uint64_t max_bytes = 16ULL << 20;
    int keep_builds = 50;  ///< of an app, whose logs stay
    friend bool operator==(const Logs&, const Logs&) = default;
  } logs;

  std::uint64_t min_free_disk_bytes = 1ULL << 30;  ///< builds are refused below this

  friend bool operator==(const Config&, const Config&) = default;

  /// "berth.yaml:3:5: unknown key 'ruoter'. Did you mean 'router'?"
  [[nodiscard]] static Result<Config> parse(std::string_view yaml, std::string_view file_name);
  [[nodiscard]] static Result<Config> load(const std::filesystem::path& file);
};

}  // namespace berth::platform
