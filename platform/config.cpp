// SPDX-License-Identifier: Apache-2.0
#include "platform/config.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "base/dns.hpp"
#include "base/file.hpp"
#include "base/ip_network.hpp"
#include "platform/names.hpp"
#include "platform/placement.hpp"
#include "platform/units.hpp"
#include "platform/yaml_reader.hpp"

namespace berth::platform {

namespace {

using std::chrono::milliseconds;
using Read = YamlReader::Read;

constexpr std::uint64_t max_file_bytes = 1 << 20;

Error invalid(std::string message) { return {ErrorKind::invalid, std::move(message)}; }

std::string quoted(std::string_view text) { return "'" + std::string(text.substr(0, 60)) + "'"; }

bool is_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  return failure == std::errc{} && end == text.data() + text.size() && port <= 65535;
}

bool is_ip(int family, const std::string& text) {
  unsigned char address[16];
  return ::inet_pton(family, text.c_str(), address) == 1;
}

Result<std::string> check_listen(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon != std::string_view::npos && is_port(text.substr(colon + 1))) {
    const std::string host(text.substr(0, colon));
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed ? is_ip(AF_INET6, host.substr(1, host.size() - 2)) : is_ip(AF_INET, host))
      return std::string(text);
  }
  return invalid("must be an IP address and a port, such as 127.0.0.1:7070 or [::1]:7070, not " +
                 quoted(text));
}

Result<std::string> check_listen_or_none(std::string_view text) {
  return text.empty() ? Result<std::string>(std::string()) : check_listen(text);
}

Result<std::string> check_domain(std::string_view text) {
  // Apps are served below it: what it must allow is app.DOMAIN.
  if (const auto name = parse_hostname("app." + std::string(text)); name.has_value())
    return name->substr(4);
  return invalid("must be a domain such as example.com, not " + quoted(text));
}

Result<std::string> check_log_level(std::string_view text) {
  for (const auto level : {"debug", "info", "warning", "error"})
    if (text == level) return std::string(text);
  return invalid("must be debug, info, warning or error, not " + quoted(text));
}

Result<std::string> check_io(std::string_view text) {
  for (const auto io : {"auto", "epoll", "io_uring"})
    if (text == io) return std::string(text);
  return invalid("must be auto, epoll or io_uring, not " + quoted(text));
}

bool is_plain_name(std::string_view text, std::size_t longest) {
  return !text.empty() && text.size() <= longest && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  }) && text.front() != '-';
}

/// Of a bridge (15 characters are the kernel's limit), a cgroup, a size.
Result<std::string> check_name(std::string_view text, std::size_t longest) {
  if (is_plain_name(text, longest)) return std::string(text);
  return invalid("must be 1 to " + std::to_string(longest) +
                 " lower-case letters, digits and dashes, not " + quoted(text));
}

Result<std::string> check_subnet(std::string_view text) {
  const auto slash = text.find('/');
  in_addr address{};
  unsigned bits = 0;
  if (slash != std::string_view::npos &&
      ::inet_pton(AF_INET, std::string(text.substr(0, slash)).c_str(), &address) == 1) {
    const std::string_view rest = text.substr(slash + 1);
    const auto [end, failure] = std::from_chars(rest.data(), rest.data() + rest.size(), bits);
    const bool whole = failure == std::errc{} && end == rest.data() + rest.size();
    if (whole && bits >= 8 && bits <= 28 && (ntohl(address.s_addr) << bits) == 0)
      return std::string(text);
  }
  return invalid("must be an IPv4 network with 8 to 28 bits and no bits beyond them, such as "
                 "198.18.0.0/16, not " + quoted(text));
}

Result<std::string> check_subnet6(std::string_view text) {
  if (text == "auto" || text == "none") return std::string(text);
  const auto network = IpNetwork::parse(text);
  // The last 32 bits are those of the IPv4 address.
  const bool good = network.has_value() && !network->is_v4() && network->bits() >= 16 &&
                    network->bits() <= 96 && network->text() == text;
  const auto inside = [&](const char* of) {
    return IpNetwork::parse(of)->contains(network->address());
  };
  if (good && !inside("fe80::/10") && !inside("ff00::/8")) return std::string(text);
  return invalid("must be auto, none, or an IPv6 network with 16 to 96 bits and no bits beyond "
                 "them, such as fd12:3456:789a::/64, not " + quoted(text));
}

Result<std::string> check_program(std::string_view text) {
  if (!text.empty() && text.find('\0') == std::string_view::npos) return std::string(text);
  return invalid("must be the name or path of a program");
}

Result<std::string> check_program_or_none(std::string_view text) {
  return text.empty() ? Result<std::string>(std::string()) : check_program(text);
}

Result<std::filesystem::path> check_path(std::string_view text) {
  if (text.starts_with('/') && text.find('\0') == std::string_view::npos)
    return std::filesystem::path(text);
  return invalid("must be an absolute path, not " + quoted(text));
}

Result<std::filesystem::path> check_path_or_none(std::string_view text) {
  return text.empty() ? Result<std::filesystem::path>(std::filesystem::path()) : check_path(text);
}

Result<std::string> check_directory(std::string_view text) {
  if (text.empty() || (text.starts_with("https://") && text.size() > 8)) return std::string(text);
  return invalid("must begin with https://, not " + quoted(text));
}

Result<std::string> check_dns_server_or_none(std::string_view text) {
  if (!text.empty()) BERTH_TRY(parse_dns_server(text));
  return std::string(text);
}

Result<std::string> check_contact(std::string_view text) {
  const std::size_t at = text.find('@');
  const bool plain = at != 0 && at != std::string_view::npos && at + 1 < text.size() &&
                     text.find_first_of(" \t\r\n,<>") == std::string_view::npos;
  if (text.empty() || plain) return std::string(text);
  return invalid("must be an e-mail address, not " + quoted(text));
}

Result<std::string> check_network(std::string_view text) {
  const auto network = IpNetwork::parse(text);
  if (network.has_value()) return network->text();
  return invalid("must be an IP address or network such as 10.0.0.0/8, not " + quoted(text));
}

/// A registry's host, perhaps with a port; http:// before it means without TLS.
Result<std::string> check_registry(std::string_view text) {
  std::string_view host = text;
  if (host.starts_with("http://")) host.remove_prefix(7);
  const bool plain = !host.empty() && host.size() <= 255 && host.front() != '-' &&
                     std::ranges::all_of(host, [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
                              c == '-' || c == ':';
                     });
  if (plain) return std::string(text);
  return invalid("must be a registry's HOST or HOST:PORT (http:// before it: without TLS), not " +
                 quoted(text));
}

/// The table of keys: each reads into the member that the Config declares for it.
class ConfigReader {
 public:
  explicit ConfigReader(std::string_view file_name) : yaml_(file_name) {}

  Result<Config> read(std::string_view text) {
    const YamlReader::Section root = {
        {"data_dir", yaml_.parsed<std::filesystem::path>(config_.data_dir, "a path", check_path)},
        {"buildpacks_dir",
         yaml_.parsed<std::filesystem::path>(config_.buildpacks_dir, "a path", check_path_or_none)},
        {"dashboard_dir",
         yaml_.parsed<std::filesystem::path>(config_.dashboard_dir, "a path", check_path_or_none)},
        {"domain", text_of(config_.domain, "a domain", check_domain)},
        {"log_level", text_of(config_.log_level, "a level", check_log_level)},
        {"api",
         yaml_.section({{"listen", text_of(config_.api.listen, "an address", check_listen)}})},
        {"router", router()},
        {"acme", acme()},
        {"network", network()},
        {"runtime", runtime()},
        {"pools", pools(config_.pools)},
        {"overcommit", yaml_.section({{"memory", count(config_.overcommit.memory, 0, 1000)},
                                      {"cpu", count(config_.overcommit.cpu, 0, 1000)}})},
        {"rollback", rollback()},
        {"previews",
         yaml_.section({{"expire", duration(config_.previews.expire, milliseconds(0))},
                        {"most", count(config_.previews.most, 0, 1000)}})},
        {"build", build()},
        {"images", images()},
        {"cache", yaml_.section({{"max_size", bytes(config_.cache.max_bytes, 0)},
                                 {"max_app_size", bytes(config_.cache.max_app_bytes, 0)}})},
        {"git", yaml_.section({{"max_push", bytes(config_.git.max_push_bytes, 1 << 10)}})},
        {"autoscale", autoscale()},
        {"logs", yaml_.section({{"max_size", bytes(config_.logs.max_bytes, 64 << 10)},
                                {"keep_builds", count(config_.logs.keep_builds, 1, 100'000)}})},
        {"min_free_disk", bytes(config_.min_free_disk_bytes, 0)},
    };
    BERTH_TRY(yaml_.read(text, root));
    return std::move(config_);
  }

 private:
  Read text_of(std::string& target, std::string_view what,
               Result<std::string> (*check)(std::string_view)) const {
    return yaml_.parsed<std::string>(target, what, check);
  }

  Read name(std::string& target, std::size_t longest) const {
    return yaml_.parsed<std::string>(
        target, "a name", [longest](std::string_view text) { return check_name(text, longest); });
  }

  template <class Int>
  Read count(Int& target, Int least, Int most) const {
    return yaml_.parsed<Int>(
        target, "a number", [least, most](std::string_view text) -> Result<Int> {
          Int number{};
          const auto [end, failure] =
              std::from_chars(text.data(), text.data() + text.size(), number);
          if (failure == std::errc{} && end == text.data() + text.size() && number >= least &&
              number <= most)
            return number;
          return invalid("must be a whole number from " + std::to_string(least) + " to " +
                         std::to_string(most) + ", not " + quoted(text));
        });
  }

  Read duration(milliseconds& target, milliseconds least) const {
    return yaml_.parsed<milliseconds>(
        target, "a duration", [least](std::string_view text) -> Result<milliseconds> {
          BERTH_ASSIGN(const milliseconds value,
                       with_context(parse_duration(text), "cannot be read"));
          if (value >= least) return value;
          return invalid("must be at least " + std::to_string(least.count()) + "ms, not " +
                         quoted(text));
        });
  }

  Read bytes(std::uint64_t& target, std::uint64_t least) const {
    return yaml_.parsed<std::uint64_t>(
        target, "a size", [least](std::string_view text) -> Result<std::uint64_t> {
          BERTH_ASSIGN(const std::uint64_t value,
                       with_context(parse_bytes(text), "cannot be read"));
          if (value >= least) return value;
          return invalid("must be at least " + std::to_string(least >> 10) + "KiB, not " +
                         quoted(text));
        });
  }

  Read cpu_or_none(std::uint64_t& target) const {
    return yaml_.parsed<std::uint64_t>(target, "a share of CPU", [](std::string_view text) {
      return with_context(parse_milli_cpu(text), "cannot be read");
    });
  }

  Read cpu(std::uint64_t& target) const {
    return yaml_.parsed<std::uint64_t>(
        target, "a share of CPU", [](std::string_view text) -> Result<std::uint64_t> {
          BERTH_ASSIGN(const std::uint64_t value,
                       with_context(parse_milli_cpu(text), "cannot be read"));
          // The kernel's smallest quota: 1 ms in 100 ms.
          if (value >= 10) return value;
          return invalid("must be at least 10m, not " + quoted(text));
        });
  }

  /// One address or a list of them.
  Read addresses(std::vector<std::string>& target, bool may_be_empty,
                 Result<std::string> (*check)(std::string_view)) const {
    return [this, &target, may_be_empty, check](const YamlValue& value) -> Result<void> {
      std::vector<std::string> addresses;
      const auto add = [&](const YamlValue& entry) -> Result<void> {
        BERTH_ASSIGN(const std::string text, yaml_.scalar(entry, "an address or a list of them"));
        auto checked = check(text);
        if (checked.has_error()) return yaml_.refuse(entry, checked.error().message);
        addresses.push_back(std::move(*checked));
        return {};
      };
      if (value.node.IsSequence())
        for (const auto& entry : value.node) BERTH_TRY(add({entry, value.key_mark, value.name}));
      else
        BERTH_TRY(add(value));
      if (addresses.empty() && !may_be_empty)
        return yaml_.refuse(value, "must have at least one address");
      target = std::move(addresses);
      return {};
    };
  }

  Read router() {
    auto& router = config_.router;
    return yaml_.section({
        {"listen", addresses(router.listen, false, check_listen)},
        {"https", addresses(router.https, true, check_listen)},
        {"certificate",
         yaml_.parsed<std::filesystem::path>(router.certificate, "a path", check_path_or_none)},
        {"certificate_key",
         yaml_.parsed<std::filesystem::path>(router.certificate_key, "a path",
                                             check_path_or_none)},
        {"admin", text_of(router.admin, "an address", check_listen_or_none)},
        {"threads", count(router.threads, 0, 1024)},
        {"io", text_of(router.io, "a way to wait", check_io)},
        {"managed", yaml_.flag(router.managed)},
        {"trusted_proxies", addresses(router.trusted_proxies, true, check_network)},
        {"proxy_protocol", addresses(router.proxy_protocol, true, check_network)},
        {"max_connections_per_address", count(router.max_connections_per_address, 0, 1'000'000)},
        {"first_byte_timeout", duration(router.first_byte_timeout, milliseconds(1))},
        {"idle_timeout", duration(router.idle_timeout, milliseconds(1))},
        {"hold_timeout", duration(router.hold_timeout, milliseconds(0))},
    });
  }

  Read acme() {
    auto& acme = config_.acme;
    return yaml_.section({
        {"directory", text_of(acme.directory, "an address", check_directory)},
        {"contact", text_of(acme.contact, "an e-mail address", check_contact)},
        {"trusted", yaml_.parsed<std::filesystem::path>(acme.trusted, "a path",
                                                        check_path_or_none)},
        {"challenge",
         yaml_.parsed<AcmeMethod>(acme.challenge, "a challenge's name", acme_method_of)},
        {"port", count(acme.port, 1, 65535)},
        {"tls_port", count(acme.tls_port, 1, 65535)},
        {"dns_hook", yaml_.parsed<std::filesystem::path>(acme.dns_hook, "a path",
                                                         check_path_or_none)},
        {"dns_server", text_of(acme.dns_server, "an address", check_dns_server_or_none)},
        {"dns_timeout", duration(acme.dns_timeout, milliseconds(1))},
    });
  }

  Read network() {
    return yaml_.section({
        {"bridge", name(config_.network.bridge, 15)},
        {"subnet", text_of(config_.network.subnet, "an IPv4 network", check_subnet)},
        {"subnet6", text_of(config_.network.subnet6, "an IPv6 network", check_subnet6)},
    });
  }

  Read runtime() {
    auto& runtime = config_.runtime;
    return yaml_.section({
        {"oci", text_of(runtime.oci, "a program", check_program)},
        {"cgroup", name(runtime.cgroup, 60)},
        {"boot_timeout", duration(runtime.boot_timeout, milliseconds(1))},
        {"stop_grace", duration(runtime.stop_grace, milliseconds(0))},
        {"drain_timeout", duration(runtime.drain_timeout, milliseconds(0))},
        {"first_uid", count<std::uint32_t>(runtime.first_uid, 65'536, 4'000'000'000U)},
        {"sizes", sizes(runtime.sizes)},
    });
  }

  /// Sizes that the file does not name stay: "standard" is always there.
  Read sizes(std::map<std::string, SizeClass>& target) const {
    return [this, &target](const YamlValue& value) {
      return yaml_.read_map(
          value, [&](const std::string& key, const YamlValue& entry) -> Result<void> {
            if (!is_plain_name(key, 30))
              return yaml_.refuse(entry,
                                  "is not a name for a size: use 1 to 30 lower-case letters, "
                                  "digits and dashes");
            SizeClass& size = target[key];
            return yaml_.read_section(entry,
                                      {
                                          {"memory", bytes(size.memory_bytes, 4 << 20)},
                                          {"cpu", cpu(size.cpu_milli)},
                                          {"pids", count<std::uint64_t>(size.pids, 4, 4'000'000)},
                                          {"disk", bytes(size.disk_bytes, 1 << 20)},
                                          {"disk_rate", bytes(size.disk_rate, 0)},
                                          {"network_rate", bytes(size.network_rate, 0)},
                                      });
          });
    };
  }

  /// "default" is always there.
  Read pools(Pools& target) const {
    return [this, &target](const YamlValue& value) {
      return yaml_.read_map(
          value, [&](const std::string& key, const YamlValue& entry) -> Result<void> {
            if (!is_label_word(key))
              return yaml_.refuse(entry, "is not a name for a pool: use 1 to 40 lower-case "
                                         "letters, digits, dots and dashes");
            Pool& pool = target[key];
            return yaml_.read_section(entry, {
                                                 {"labels", labels(pool.labels)},
                                                 {"oci", text_of(pool.oci, "a program",
                                                                 check_program_or_none)},
                                                 {"memory", bytes(pool.memory_bytes, 0)},
                                                 {"cpu", cpu_or_none(pool.cpu_milli)},
                                             });
          });
    };
  }

  Read labels(std::map<std::string, std::string>& target) const {
    return [this, &target](const YamlValue& value) {
      return yaml_.read_map(
          value, [&](const std::string& key, const YamlValue& entry) -> Result<void> {
            BERTH_ASSIGN(const std::string text, yaml_.scalar(entry, "a word"));
            if (key == "pool") return yaml_.refuse(entry, "is no label: 'pool' is the pool's name");
            if (auto label = check_label(key, text); label.has_error())
              return yaml_.refuse(entry, "is no label: " + label.error().message);
            target[key] = text;
            return {};
          });
    };
  }

  Read rollback() {
    return yaml_.section({{"keep", duration(config_.rollback.keep, milliseconds(0))}});
  }

  Read build() {
    auto& build = config_.build;
    return yaml_.section({
        {"timeout", duration(build.timeout, milliseconds(1000))},
        {"memory", bytes(build.memory_bytes, 16 << 20)},
        {"cpu", cpu(build.cpu_milli)},
        {"pids", count<std::uint64_t>(build.pids, 16, 4'000'000)},
        {"disk", bytes(build.disk_bytes, 16 << 20)},
        {"parallel", count(build.parallel, 1, 64)},
        {"upstream_downloads", yaml_.flag(build.upstream_downloads)},
        {"queue_timeout", duration(build.queue_timeout, milliseconds(1000))},
    });
  }

  Read images() {
    return yaml_.section({
        {"registries", addresses(config_.images.registries, true, check_registry)},
        {"max_size", bytes(config_.images.max_size_bytes, 1 << 20)},
        {"keep_releases", count(config_.images.keep_releases, 1, 1000)},
    });
  }

  Read autoscale() {
    auto& autoscale = config_.autoscale;
    return yaml_.section({
        {"up_window", duration(autoscale.up_window, milliseconds(1000))},
        {"down_window", duration(autoscale.down_window, milliseconds(1000))},
        {"idle_before_zero", duration(autoscale.idle_before_zero, milliseconds(1000))},
    });
  }

  Config config_;
  YamlReader yaml_;
};

}  // namespace

Result<Config> Config::parse(std::string_view yaml, std::string_view file_name) {
  return ConfigReader(file_name).read(yaml);
}

Result<Config> Config::load(const std::filesystem::path& file) {
  BERTH_ASSIGN(const std::string text,
               with_context(read_file(file, max_file_bytes), "read the configuration"));
  return parse(text, file.string());
}

}  // namespace berth::platform
