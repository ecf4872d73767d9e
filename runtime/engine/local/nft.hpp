// SPDX-License-Identifier: Apache-2.0
//
// The firewall around the containers as nft text (pure), and libnftables to apply it in process.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "platform/egress.hpp"
#include "runtime/engine/local/options.hpp"

struct nft_ctx;

namespace berth::runtime {

struct BridgeMember {
  std::string veth;
  std::string address;
  std::uint32_t app = 0;  ///< 0: a build, of no app
  std::string address6 = {};  ///< empty: IPv4 alone
};

/// Replaces the table `inet <table>`: containers reach the outside and replicas of their own app,
/// and nothing else: not the host (but for `name_servers` that are there), not others, not the
/// denied networks; nobody but the host reaches them from outside. What an app begins more of than
/// it may is refused, and dropped where it asks for names. Without `subnet6` nothing of
/// IPv6 goes through, and no member has an address of it.
[[nodiscard]] std::string inet_rules(const NetworkOptions& options, const std::string& subnet6,
                                     const std::vector<std::string>& name_servers);
/// Where the app's replicas may connect to outside; replaces what was said before. `resolvers` may
/// be asked by whoever may connect somewhere.
[[nodiscard]] std::string egress_chain(const NetworkOptions& options, std::uint32_t app,
                                       const platform::EgressPolicy& policy,
                                       const std::vector<std::string>& resolvers);
/// The address is one of its app's, whose chain there is.
[[nodiscard]] std::string add_app_member(const NetworkOptions& options, const BridgeMember& member);
[[nodiscard]] std::string delete_app_member(const NetworkOptions& options,
                                            const BridgeMember& member);
/// Replaces the table `bridge <table>`: a port sends IPv4 and IPv6 from its own addresses
/// only, and nothing of ARP, neighbour discovery or to many.
[[nodiscard]] std::string bridge_rules(const NetworkOptions& options,
                                       const std::vector<BridgeMember>& members);
[[nodiscard]] std::string add_member(const NetworkOptions& options, const BridgeMember& member);
[[nodiscard]] std::string delete_member(const NetworkOptions& options, const BridgeMember& member);
[[nodiscard]] std::string delete_tables(const NetworkOptions& options);

class Nft final {
 public:
  [[nodiscard]] static Result<Nft> open();
  /// One transaction: all or nothing.
  [[nodiscard]] Result<void> apply(const std::string& commands);

 private:
  struct Free {
    void operator()(::nft_ctx* context) const;
  };
  explicit Nft(::nft_ctx* context) : context_(context) {}
  std::unique_ptr<::nft_ctx, Free> context_;
};

}  // namespace berth::runtime
