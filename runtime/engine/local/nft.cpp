// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/nft.hpp"

#include <nftables/libnftables.h>

#include <fmt/format.h>

#include <array>
#include <span>

namespace berth::runtime {

namespace {

/// Makes the table empty whether or not it was there: adding is idempotent, deleting is not.
std::string fresh_table(std::string_view family, std::string_view name) {
  return fmt::format("add table {0} {1}\ndelete table {0} {1}\nadd table {0} {1}\n", family, name);
}

/// What is said once of each family.
struct Family {
  std::string_view ip;
  std::string_view type;
  std::string_view suffix;  ///< of its sets
};
constexpr std::array<Family, 2> families = {Family{"ip", "ipv4_addr", ""},
                                            Family{"ip6", "ipv6_addr", "6"}};

std::span<const Family> families_with(const std::string& subnet6) {
  return std::span(families).first(subnet6.empty() ? 1 : 2);
}

/// Of an address or network.
const Family& family_of(std::string_view text) {
  return families[text.find(':') == std::string_view::npos ? 0 : 1];
}

std::string to(std::string_view text) {
  return fmt::format("{} daddr {}", family_of(text).ip, text);
}

std::string app_sets(const Family& family) {
  return fmt::format(R"(  map egress{0} {{
    type {1} : verdict
  }}
  map apps{0} {{
    type {1} : mark
  }}
  set app_members{0} {{
    type {1} . mark
  }}
  set asking{0} {{
    type {1}
    size 65535
    flags dynamic
    timeout 10s
  }}
)",
                     family.suffix, family.type);
}

}  // namespace

std::string inet_rules(const NetworkOptions& options, const std::string& subnet6,
                       const std::vector<std::string>& name_servers) {
  std::string sets, too_often, asked, denied, egress, of_app, same_app, masquerade;
  for (const auto& server : name_servers)
    asked += fmt::format("    iifname \"{}\" {} udp dport 53 accept\n", options.bridge, to(server));
  for (const auto& network : options.denied_networks)
    denied += fmt::format("    iifname \"{}\" {} drop\n", options.bridge, to(network));
  if (subnet6.empty()) denied += "    iifname \"" + options.bridge + "\" meta nfproto ipv6 drop\n";
  for (const Family& family : families_with(subnet6)) {
    const auto& [ip, type, suffix] = family;
    sets += app_sets(family);
    egress +=
        fmt::format("    iifname \"{}\" {} saddr vmap @egress{}\n", options.bridge, ip, suffix);
    too_often += fmt::format(
        "    update @asking{0} {{ {1} saddr limit rate over {2}/second burst {3} packets }} drop\n",
        suffix, ip, options.questions_per_second, options.questions_per_second / 5);
    of_app += fmt::format("    meta mark set {} saddr map @apps{}\n", ip, suffix);
    same_app += fmt::format("    {} daddr . meta mark @app_members{} accept\n", ip, suffix);
    masquerade += fmt::format("    {} saddr {} oifname != \"{}\" masquerade\n", ip,
                              suffix.empty() ? options.subnet : subnet6, options.bridge);
  }
  return fresh_table("inet", options.table) + fmt::format(R"(table inet {0} {{
{2}  set connections {{
    type mark
    size 65535
    flags dynamic
  }}
  chain refused {{
    meta l4proto tcp reject with tcp reset
    reject with icmpx admin-prohibited
  }}
  chain begun {{
    meta mark set 0
{6}    add @connections {{ meta mark ct count over {10} }} goto refused
    meta mark set 0
  }}
  chain questions {{
{9}  }}
  chain input {{
    type filter hook input priority -5; policy accept;
    iifname "{1}" udp dport 53 jump questions
    iifname "{1}" ct state established,related accept
{3}    iifname "{1}" udp dport 53 reject
    iifname "{1}" drop
  }}
  chain forward {{
    type filter hook forward priority -5; policy accept;
    iifname "{1}" ct state new jump begun
    iifname "{1}" oifname "{1}" jump inside
{4}{5}    iifname "{1}" accept
    oifname "{1}" ct state established,related accept
    oifname "{1}" drop
  }}
  chain inside {{
    meta mark set 0
{6}{7}    drop
  }}
  chain postrouting {{
    type nat hook postrouting priority 100; policy accept;
{8}  }}
}}
)",
                                                          options.table, options.bridge, sets,
                                                          asked, denied, egress, of_app, same_app,
                                                          masquerade, too_often,
                                                          options.connections_per_app);
}

std::string egress_chain(const NetworkOptions& options, std::uint32_t app,
                         const platform::EgressPolicy& policy,
                         const std::vector<std::string>& resolvers) {
  using Kind = platform::EgressPolicy::Kind;
  const std::string chain = fmt::format("inet {} egress_{}", options.table, app);
  const std::string rule = "add rule " + chain + " ";
  std::string text = "add chain " + chain + "\nflush chain " + chain + "\n";
  if (policy.kind == Kind::all) return text + rule + "accept\n";
  if (policy.kind == Kind::list)
    for (const std::string& resolver : resolvers)
      text += rule + to(resolver) + " meta l4proto { tcp, udp } th dport 53 accept\n";
  for (const platform::EgressRule& allowed : policy.allowed) {
    text += rule + to(allowed.network.text());
    if (allowed.first_port != 0)
      text += fmt::format(" meta l4proto {{ tcp, udp }} th dport {}-{}", allowed.first_port,
                          allowed.last_port);
    text += " accept\n";
  }
  // At once, and not after a time-out; what is connected already is cut off, too.
  return text + rule + "goto refused\n";
}

namespace {

/// Each with the family's address.
template <class Line>
std::string lines(const BridgeMember& member, Line line) {
  std::string text = line(families[0], member.address);
  if (!member.address6.empty()) text += line(families[1], member.address6);
  return text;
}

/// The three places that know an address of an app.
std::string app_member(std::string_view verb, const NetworkOptions& options,
                       const BridgeMember& member) {
  return lines(member, [&](const Family& family, const std::string& address) {
    return fmt::format(
        "{0} element inet {1} egress{4} {{ {2} : jump egress_{3} }}\n"
        "{0} element inet {1} apps{4} {{ {2} : {3} }}\n"
        "{0} element inet {1} app_members{4} {{ {2} . {3} }}\n",
        verb, options.table, address, member.app, family.suffix);
  });
}

std::string port_member(std::string_view verb, const NetworkOptions& options,
                        const BridgeMember& member) {
  return lines(member, [&](const Family& family, const std::string& address) {
    return fmt::format("{} element bridge {} members{} {{ \"{}\" . {} }}\n", verb, options.table,
                       family.suffix, member.veth, address);
  });
}

}  // namespace

std::string add_app_member(const NetworkOptions& options, const BridgeMember& member) {
  return app_member("add", options, member);
}

std::string delete_app_member(const NetworkOptions& options, const BridgeMember& member) {
  return app_member("delete", options, member);
}

std::string bridge_rules(const NetworkOptions& options, const std::vector<BridgeMember>& members) {
  std::string text =
      fresh_table("bridge", options.table) + fmt::format(R"(table bridge {0} {{
  set members {{
    type ifname . ipv4_addr
  }}
  set members6 {{
    type ifname . ipv6_addr
  }}
  chain prerouting {{
    type filter hook prerouting priority -300; policy accept;
    iifname "{1}*" ether type ip iifname . ip saddr @members accept
    iifname "{1}*" ip6 daddr ff00::/8 drop
    iifname "{1}*" icmpv6 type {{ 130-137, 143 }} drop
    iifname "{1}*" ether type ip6 iifname . ip6 saddr @members6 accept
    iifname "{1}*" drop
  }}
}}
)",
                                                         options.table, options.veth_prefix);
  for (const auto& member : members) text += add_member(options, member);
  return text;
}

std::string add_member(const NetworkOptions& options, const BridgeMember& member) {
  return port_member("add", options, member);
}

std::string delete_member(const NetworkOptions& options, const BridgeMember& member) {
  return port_member("delete", options, member);
}

std::string delete_tables(const NetworkOptions& options) {
  return fmt::format(
      "add table inet {0}\ndelete table inet {0}\nadd table bridge {0}\n"
      "delete table bridge {0}\n",
      options.table);
}

void Nft::Free::operator()(nft_ctx* context) const { ::nft_ctx_free(context); }

Result<Nft> Nft::open() {
  Nft nft(::nft_ctx_new(NFT_CTX_DEFAULT));
  if (!nft.context_) return Error{ErrorKind::io, "libnftables cannot open a netlink socket"};
  ::nft_ctx_buffer_error(nft.context_.get());
  ::nft_ctx_buffer_output(nft.context_.get());
  return nft;
}

Result<void> Nft::apply(const std::string& commands) {
  if (::nft_run_cmd_from_buffer(context_.get(), commands.c_str()) == 0) return {};
  const char* text = ::nft_ctx_get_error_buffer(context_.get());
  return Error{ErrorKind::io, "nftables refused the rules: " + std::string(text ? text : "")};
}

}  // namespace berth::runtime
