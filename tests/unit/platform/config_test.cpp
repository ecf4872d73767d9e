// SPDX-License-Identifier: Apache-2.0
#include "platform/config.hpp"

#include <doctest/doctest.h>

#include "base/file.hpp"

namespace berth::platform {
namespace {

using namespace std::chrono_literals;

std::string refusal(std::string_view yaml) {
  const auto config = Config::parse(yaml, "berth.yaml");
  return config.has_error() ? config.error().message : "accepted";
}

TEST_CASE("an empty file, and one whose keys are all commented out, are the defaults") {
  for (const auto* text : {"", "# nothing\n", "api:\nrouter:\n  # listen: x\n", "---\n", "{}"}) {
    CAPTURE(text);
    const auto config = Config::parse(text, "berth.yaml");
    REQUIRE_MESSAGE(config.has_value(), config.error().message);
    CHECK(*config == Config{});
  }
}

TEST_CASE("config/berth.yaml documents every key with its default") {
  const auto config = Config::load(std::filesystem::path(BERTH_SOURCE_DIR) / "config/berth.yaml");
  REQUIRE_MESSAGE(config.has_value(), config.error().message);
  CHECK(*config == Config{});
}

TEST_CASE("every key that is given replaces its default, and no other") {
  Config expected;
  expected.data_dir = "/srv/berth";
  expected.buildpacks_dir = "/opt/buildpacks";
  expected.dashboard_dir = "/opt/dashboard";
  expected.domain = "apps.example.com";
  expected.log_level = "debug";
  expected.api.listen = "[::1]:7000";
  expected.router = {.listen = {"0.0.0.0:80", "[::]:80"},
                     .https = {"0.0.0.0:443"},
                     .certificate = "/etc/berth/chain.pem",
                     .certificate_key = "/etc/berth/key.pem",
                     .admin = "",
                     .threads = 4,
                     .io = "io_uring",
                     .managed = false,
                     .trusted_proxies = {"10.0.0.0/8"},
                     .proxy_protocol = {"192.0.2.7", "2001:db8::/32"},
                     .max_connections_per_address = 100,
                     .first_byte_timeout = 1s,
                     .idle_timeout = 2s,
                     .hold_timeout = 3s};
  expected.acme = {.directory = "https://ca.example.com/directory",
                   .contact = "ops@example.com",
                   .trusted = "/etc/berth/ca.pem",
                   .challenge = AcmeMethod::dns_01,
                   .port = 8080,
                   .tls_port = 8443,
                   .dns_hook = "/etc/berth/dns",
                   .dns_server = "192.0.2.1:5353",
                   .dns_timeout = 90s};
  expected.network = {
      .bridge = "br-apps", .subnet = "10.1.0.0/20", .subnet6 = "fd12:3456:789a::/64"};
  expected.rollback = {.keep = 3min};
  expected.previews = {.expire = 48h, .most = 3};
  expected.runtime = {
      .oci = "/usr/bin/runc",
      .cgroup = "apps",
      .boot_timeout = 4s,
      .stop_grace = 5s,
      .drain_timeout = 6s,
      .first_uid = 2'000'000,
      .sizes = {
          {"standard", {.memory_bytes = 1ULL << 30}},
          {"large",
           {.memory_bytes = 2ULL << 30, .cpu_milli = 2500, .pids = 9, .disk_bytes = 4ULL << 30}}}};
  expected.pools = {{"default", {}},
                    {"far",
                     {.labels = {{"region", "eu"}},
                      .oci = "runsc",
                      .memory_bytes = 4ULL << 30,
                      .cpu_milli = 1500}}};
  expected.overcommit = {.memory = 3, .cpu = 16};
  expected.build = {.timeout = 7min, .memory_bytes = 3ULL << 30, .cpu_milli = 500, .pids = 100,
                    .disk_bytes = 5ULL << 30, .parallel = 2, .upstream_downloads = true,
                    .queue_timeout = 3min};
  expected.images = {.registries = {"registry.example.com", "http://127.0.0.1:5000"},
                     .max_size_bytes = 3ULL << 30,
                     .keep_releases = 4};
  expected.cache = {.max_bytes = 6ULL << 30, .max_app_bytes = 2ULL << 30};
  expected.git.max_push_bytes = 1 << 20;
  expected.autoscale = {.up_window = 8s, .down_window = 9s, .idle_before_zero = 10s};
  expected.logs = {.max_bytes = 2 << 20, .keep_builds = 5};
  expected.min_free_disk_bytes = 0;
  const auto config = Config::parse(R"(
data_dir: /srv/berth
buildpacks_dir: /opt/buildpacks
dashboard_dir: /opt/dashboard
domain: Apps.Example.com
log_level: debug
api: {listen: "[::1]:7000"}
router:
  listen: ["0.0.0.0:80", "[::]:80"]
  https: 0.0.0.0:443
  certificate: /etc/berth/chain.pem
  certificate_key: /etc/berth/key.pem
  admin: ""
  threads: 4
  io: io_uring
  managed: false
  trusted_proxies: 10.1.2.3/8
  proxy_protocol: [192.0.2.7, "2001:db8::/32"]
  max_connections_per_address: 100
  first_byte_timeout: 1s
  idle_timeout: 2s
  hold_timeout: 3s
acme:
  directory: https://ca.example.com/directory
  contact: ops@example.com
  trusted: /etc/berth/ca.pem
  challenge: dns-01
  port: 8080
  tls_port: 8443
  dns_hook: /etc/berth/dns
  dns_server: 192.0.2.1:5353
  dns_timeout: 90s
network: {bridge: br-apps, subnet: 10.1.0.0/20, subnet6: "fd12:3456:789a::/64"}
rollback: {keep: 3m}
previews: {expire: 48h, most: 3}
runtime:
  oci: /usr/bin/runc
  cgroup: apps
  boot_timeout: 4s
  stop_grace: 5s
  drain_timeout: 6s
  first_uid: 2000000
  sizes:
    standard: {memory: 1GiB}
    large: {memory: 2GiB, cpu: 2.5, pids: 9, disk: 4GiB}
pools:
  far: {labels: {region: eu}, oci: runsc, memory: 4GiB, cpu: 1.5}
overcommit: {memory: 3, cpu: 16}
build: {timeout: 7m, memory: 3GiB, cpu: 500m, pids: 100, disk: 5GiB, parallel: 2,
        upstream_downloads: true, queue_timeout: 3m}
images:
  registries: [registry.example.com, "http://127.0.0.1:5000"]
  max_size: 3GiB
  keep_releases: 4
cache: {max_size: 6GiB, max_app_size: 2GiB}
git: {max_push: 1MiB}
autoscale: {up_window: 8s, down_window: 9s, idle_before_zero: 10s}
logs: {max_size: 2MiB, keep_builds: 5}
min_free_disk: 0
)", "berth.yaml");
  REQUIRE_MESSAGE(config.has_value(), config.error().message);
  CHECK(*config == expected);
}

TEST_CASE("the router listens on one address as well as on a list") {
  const auto config = Config::parse("router: {listen: 127.0.0.1:80}", "berth.yaml");
  REQUIRE(config.has_value());
  CHECK(config->router.listen == std::vector<std::string>{"127.0.0.1:80"});
}

TEST_CASE("whatever is wrong is named with file, line and column") {
  struct Row {
    const char* yaml;
    const char* message;
  };
  for (const Row& row : {
           // Unknown and repeated keys.
           Row{"domain: x.y\n\nruoter: {}\n",
               "berth.yaml:3:1: unknown key 'ruoter'. Did you mean 'router'?"},
           Row{"api:\n  listn: x\n",
               "berth.yaml:2:3: unknown key 'listn' in 'api'. Did you mean 'listen'?"},
           Row{"xyz: 1\n", "berth.yaml:1:1: unknown key 'xyz'"},
           Row{"runtime:\n  sizes:\n    big: {ram: 1}\n",
               "berth.yaml:3:11: unknown key 'ram' in 'runtime.sizes.big'"},
           Row{"domain: a.b\ndomain: c.d\n", "berth.yaml:2:1: the key 'domain' stands twice"},
           Row{"? [a, b]\n: 1\n", "berth.yaml:1:3: a key must be a single word"},
           // Wrong types.
           Row{"- a\n- b\n", "berth.yaml:1:1: must be a section with keys, not a list"},
           Row{"hello", "berth.yaml:1:1: must be a section with keys, not a single value"},
           Row{"api: 1\n", "berth.yaml:1:6: 'api' must be a section with keys, not a single value"},
           Row{"domain: [a]\n", "berth.yaml:1:9: 'domain' must be a domain, not a list"},
           Row{"domain:\n", "berth.yaml:1:1: 'domain' must be a domain, not nothing"},
           Row{"router: {threads: many}\n",
               "berth.yaml:1:19: 'router.threads' must be a whole number from 0 to 1024, not "
               "'many'"},
           Row{"router: {threads: -1}\n",
               "berth.yaml:1:19: 'router.threads' must be a whole number from 0 to 1024, not '-1'"},
           Row{"router: {io: kqueue}\n",
               "berth.yaml:1:14: 'router.io' must be auto, epoll or io_uring, not 'kqueue'"},
           Row{"router: {managed: yes}\n",
               "berth.yaml:1:19: 'router.managed' must be true or false, not 'yes'"},
           Row{"router:\n  listen: []\n",
               "berth.yaml:2:11: 'router.listen' must have at least one address"},
           Row{"router:\n  listen: [{a: 1}]\n",
               "berth.yaml:2:12: 'router.listen' must be an address or a list of them, not a "
               "section with keys"},
           // Bad values.
           Row{"data_dir: berth\n",
               "berth.yaml:1:11: 'data_dir' must be an absolute path, not 'berth'"},
           Row{"domain: a b\n",
               "berth.yaml:1:9: 'domain' must be a domain such as example.com, not 'a b'"},
           Row{"log_level: loud\n",
               "berth.yaml:1:12: 'log_level' must be debug, info, warning or error, not 'loud'"},
           Row{"api: {listen: 7070}\n",
               "berth.yaml:1:15: 'api.listen' must be an IP address and a port, such as "
               "127.0.0.1:7070 or [::1]:7070, not '7070'"},
           Row{"api: {listen: '127.0.0.1:70700'}\n",
               "berth.yaml:1:15: 'api.listen' must be an IP address and a port, such as "
               "127.0.0.1:7070 or [::1]:7070, not '127.0.0.1:70700'"},
           Row{"network: {bridge: a-name-that-is-long}\n",
               "berth.yaml:1:19: 'network.bridge' must be 1 to 15 lower-case letters, digits and "
               "dashes, not 'a-name-that-is-long'"},
           Row{"network: {subnet: 10.0.0.1/16}\n",
               "berth.yaml:1:19: 'network.subnet' must be an IPv4 network with 8 to 28 bits and no "
               "bits beyond them, such as 198.18.0.0/16, not '10.0.0.1/16'"},
           Row{"network: {subnet6: 'fd12::1/64'}\n",
               "berth.yaml:1:20: 'network.subnet6' must be auto, none, or an IPv6 network with 16 "
               "to 96 bits and no bits beyond them, such as fd12:3456:789a::/64, not "
               "'fd12::1/64'"},
           Row{"runtime: {cgroup: ../x}\n",
               "berth.yaml:1:19: 'runtime.cgroup' must be 1 to 60 lower-case letters, digits and "
               "dashes, not '../x'"},
           Row{"runtime: {oci: ''}\n",
               "berth.yaml:1:16: 'runtime.oci' must be the name or path of a program"},
           Row{"runtime: {stop_grace: 30}\n",
               "berth.yaml:1:23: 'runtime.stop_grace' cannot be read: '30' is not a duration: "
               "write a whole number and a unit, such as 500ms, 30s, 15m or 2h"},
           Row{"runtime: {boot_timeout: 0s}\n",
               "berth.yaml:1:25: 'runtime.boot_timeout' must be at least 1ms, not '0s'"},
           Row{"runtime:\n  sizes:\n    A B: {memory: 1GiB}\n",
               "berth.yaml:3:10: 'runtime.sizes.A B' is not a name for a size: use 1 to 30 "
               "lower-case letters, digits and dashes"},
           Row{"pools: {Far: {}}\n",
               "berth.yaml:1:14: 'pools.Far' is not a name for a pool: use 1 to 40 lower-case "
               "letters, digits, dots and dashes"},
           Row{"pools: {far: {labels: {pool: near}}}\n",
               "berth.yaml:1:30: 'pools.far.labels.pool' is no label: 'pool' is the pool's name"},
           Row{"pools: {far: {labels: {region: E U}}}\n",
               "berth.yaml:1:32: 'pools.far.labels.region' is no label: 'E U' must be 1 to 40 "
               "lower-case letters, digits, dots and dashes"},
           Row{"build: {memory: 1KiB}\n",
               "berth.yaml:1:17: 'build.memory' must be at least 16384KiB, not '1KiB'"},
           Row{"acme: {challenge: dns}\n",
               "berth.yaml:1:19: 'acme.challenge' must be http-01, tls-alpn-01 or dns-01, not "
               "'dns'"},
           Row{"acme: {dns_server: ns.example.com}\n",
               "berth.yaml:1:20: 'acme.dns_server' must be an IPv4 address, perhaps with a port, "
               "such as 192.0.2.1:53, not 'ns.example.com'"},
           Row{"acme: {dns_server: \"192.0.2.1:0\"}\n",
               "berth.yaml:1:20: 'acme.dns_server' must be an IPv4 address, perhaps with a port, "
               "such as 192.0.2.1:53, not '192.0.2.1:0'"},
           Row{"build: {cpu: 1m}\n", "berth.yaml:1:14: 'build.cpu' must be at least 10m, not '1m'"},
           // Syntax.
           Row{"api: {listen: x\n", "berth.yaml:2:1: not valid YAML: end of map flow not found"},
           Row{"a: 1\n---\nb: 2\n",
               "berth.yaml:2:1: more than one document: nothing may follow the first"},
       }) {
    CAPTURE(row.yaml);
    CHECK(refusal(row.yaml) == row.message);
  }
}

TEST_CASE("a tab, an open quote and nonsense are syntax errors with a place") {
  for (const auto* bad : {"api:\n\tlisten: x\n", "domain: \"abc\n", "a: b: c\n", "{]", "*x", "&",
                          "%YAML 9", ", api: {listen: x}", "]"}) {
    CAPTURE(bad);
    const std::string message = refusal(bad);
    CHECK(message.starts_with("berth.yaml:"));
    CHECK(message != "accepted");
  }
}

TEST_CASE("deep nesting, many aliases and long keys are refused without harm") {
  CHECK(refusal(std::string(100'000, '[')) != "accepted");
  CHECK(refusal(std::string(100'000, '{')) != "accepted");
  CHECK(refusal("a: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\n").find("unknown key 'a'") !=
        std::string::npos);
  CHECK(refusal(std::string(1'000, 'k') + ": 1\n").size() < 200);
}

TEST_CASE("a file that is not there, or is far too large, is named") {
  const auto missing = Config::load("/nonexistent/berth.yaml");
  REQUIRE(missing.has_error());
  CHECK(missing.error().message ==
        "read the configuration: open /nonexistent/berth.yaml: No such file or directory");
  auto directory = TempDir::create(std::filesystem::temp_directory_path());
  REQUIRE(directory.has_value());
  const auto path = directory->path() / "berth.yaml";
  REQUIRE_FALSE(write_file(path, std::string(2 << 20, '#')).has_error());
  const auto large = Config::load(path);
  REQUIRE(large.has_error());
  CHECK(large.error().kind == ErrorKind::limit);
}

}  // namespace
}  // namespace berth::platform
