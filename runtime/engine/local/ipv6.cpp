// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/ipv6.hpp"

#include <filesystem>

#include "base/crypto.hpp"
#include "base/file.hpp"
#include "base/log.hpp"

namespace berth::runtime {

namespace fs = std::filesystem;

namespace {

const fs::path settings = "/proc/sys/net/ipv6/conf";
constexpr int longest_prefix = 96;

bool is(const fs::path& file, char value) {
  const auto text = read_file(file);
  return !text.has_error() && text->starts_with(value);
}

Result<void> set(const fs::path& file, std::string_view value) {
  return with_context(write_file(file, value), "set kernel parameter");
}

}  // namespace

Result<std::optional<IpNetwork>> ipv6_network(const NetworkOptions& options) {
  if (options.subnet6 == "none") return std::optional<IpNetwork>();
  std::string text = options.subnet6;
  if (text == "auto") {
    // 40 bits that others are unlikely to have, the same ones after each restart.
    const std::string hash = sha256_hex(options.bridge + " " + options.subnet);
    text = "fd" + hash.substr(0, 2) + ":" + hash.substr(2, 4) + ":" + hash.substr(6, 4) + "::/64";
  }
  BERTH_ASSIGN(const IpNetwork network, IpNetwork::parse(text));
  if (network.is_v4() || network.bits() > longest_prefix)
    return Error{ErrorKind::invalid,
                 "'" + text + "' is not an IPv6 network with at most 96 bits"};
  return std::optional(network);
}

IpAddress ipv6_of(const IpNetwork& network, std::uint32_t ipv4) {
  auto bytes = network.address().bytes();
  for (std::size_t i = 0; i < 4; ++i)
    bytes[12 + i] = static_cast<std::uint8_t>(ipv4 >> (24 - 8 * i));
  return IpAddress(bytes);
}

Result<void> check_host_ipv6() {
  if (!fs::exists(settings)) return Error{ErrorKind::unavailable, "this kernel has no IPv6"};
  if (is(settings / "all/disable_ipv6", '1'))
    return Error{ErrorKind::unavailable,
                 "this host has IPv6 turned off (net.ipv6.conf.all.disable_ipv6)"};
  return {};
}

Result<void> expect_ipv6(const std::string& bridge) {
  const fs::path at = settings / bridge;
  BERTH_TRY(set(at / "addr_gen_mode", "1"));  // IN6_ADDR_GEN_MODE_NONE
  BERTH_TRY(set(at / "accept_ra", "0"));
  return set(at / "disable_ipv6", "0");
}

void refuse_ipv6(const std::string& bridge) {
  (void)set(settings / bridge / "disable_ipv6", "1");
}

Result<void> forward_ipv6() {
  const fs::path forwarding = settings / "all/forwarding";
  if (is(forwarding, '1')) return {};
  std::string kept;
  // Also what interfaces to come begin with. That of all has no effect.
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(settings, failure)) {
    const std::string name = entry.path().filename();
    if (name == "all" || !is(entry.path() / "accept_ra", '1')) continue;
    BERTH_TRY(set(entry.path() / "accept_ra", "2"));
    kept += " " + name;
  }
  log_info("enabling IPv6 forwarding (net.ipv6.conf.all.forwarding was 0), so that apps reach the "
           "outside{}",
           kept.empty() ? "" : "; these still take routers' announcements (accept_ra=2):" + kept);
  return set(forwarding, "1");
}

}  // namespace berth::runtime
