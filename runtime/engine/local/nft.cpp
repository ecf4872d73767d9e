// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/nft.hpp"

#include <nftables/libnftables.h>

#include <fmt/format.h>

#include "runtime/engine/local/netlink.hpp"

namespace berth::runtime {

namespace {

/// Makes the table empty whether or not it was there: adding is idempotent, deleting is not.
std::string fresh_table(std::string_view family, std::string_view name) {
  return fmt::format("add table {0} {1}\ndelete table {0} {1}\nadd table {0} {1}\n", family, name);
}

}  // namespace

std::string inet_rules(const NetworkOptions& options, bool names) {
  std::string denied;
  for (const auto& network : options.denied_networks)
    denied += fmt::format("    iifname \"{}\" ip daddr {} drop\n", options.bridge, network);
  return fresh_table("inet", options.table) + fmt::format(R"(table inet {0} {{
  map egress {{
    type ipv4_addr : verdict
  }}
  map apps {{
    type ipv4_addr : mark
  }}
  set app_members {{
    type ipv4_addr . mark
  }}
  chain input {{
    type filter hook input priority -5; policy accept;
    iifname "{1}" ct state established,related accept
    iifname "{1}" udp dport 53 {4}
    iifname "{1}" drop
  }}
  chain forward {{
    type filter hook forward priority -5; policy accept;
    iifname "{1}" oifname "{1}" jump inside
    iifname "{1}" meta nfproto ipv6 drop
{2}    iifname "{1}" ip saddr vmap @egress
    iifname "{1}" accept
    oifname "{1}" ct state established,related accept
    oifname "{1}" drop
  }}
  chain inside {{
    meta mark set 0
    meta mark set ip saddr map @apps
    ip daddr . meta mark @app_members accept
    drop
  }}
  chain postrouting {{
    type nat hook postrouting priority 100; policy accept;
    ip saddr {3} oifname != "{1}" masquerade
  }}
}}
)",
                                                          options.table, options.bridge, denied,
                                                          options.subnet,
                                                          names ? "accept" : "reject");
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
      text += rule + "ip daddr " + resolver + " meta l4proto { tcp, udp } th dport 53 accept\n";
  for (const platform::EgressRule& allowed : policy.allowed) {
    text += rule + fmt::format("ip daddr {}/{}", ipv4_text(allowed.network), allowed.prefix);
    if (allowed.first_port != 0)
      text += fmt::format(" meta l4proto {{ tcp, udp }} th dport {}-{}", allowed.first_port,
                          allowed.last_port);
    text += " accept\n";
  }
  // At once, and not after a time-out; what is connected already is cut off, too.
  return text + rule + "meta l4proto tcp reject with tcp reset\n" + rule +
         "reject with icmpx admin-prohibited\n";
}

namespace {

/// The three places that know an address of an app.
std::string app_member(std::string_view verb, const NetworkOptions& options,
                       const BridgeMember& member) {
  return fmt::format(
      "{0} element inet {1} egress {{ {2} : jump egress_{3} }}\n"
      "{0} element inet {1} apps {{ {2} : {3} }}\n"
      "{0} element inet {1} app_members {{ {2} . {3} }}\n",
      verb, options.table, member.address, member.app);
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
  chain prerouting {{
    type filter hook prerouting priority -300; policy accept;
    iifname "{1}*" ether type ip iifname . ip saddr @members accept
    iifname "{1}*" ether type arp iifname . arp saddr ip @members accept
    iifname "{1}*" drop
  }}
}}
)",
                                                         options.table, options.veth_prefix);
  for (const auto& member : members) text += add_member(options, member);
  return text;
}

std::string add_member(const NetworkOptions& options, const BridgeMember& member) {
  return fmt::format("add element bridge {} members {{ \"{}\" . {} }}\n", options.table,
                     member.veth, member.address);
}

std::string delete_member(const NetworkOptions& options, const BridgeMember& member) {
  return fmt::format("delete element bridge {} members {{ \"{}\" . {} }}\n", options.table,
                     member.veth, member.address);
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
