// SPDX-License-Identifier: Apache-2.0
//
// Which address of the subnet a container gets. Addresses go round: one that was given back is used
// again last, so that a stale route or connection does not reach another app. Pure, not
// thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>

#include "runtime/engine/local/netlink.hpp"

namespace berth::runtime {

class AddressPool final {
 public:
  /// The first host address is the gateway's.
  explicit AddressPool(Ipv4Prefix subnet)
      : network_(subnet.address & mask(subnet.length)),
        size_(subnet.length >= 31 ? 0 : (std::uint64_t{1} << (32 - subnet.length))) {}

  [[nodiscard]] std::uint32_t gateway() const { return network_ + 1; }
  /// Nothing if all are in use.
  [[nodiscard]] std::optional<std::uint32_t> take() {
    // Offsets 2 … size-2: not the network, the gateway or the broadcast address.
    if (size_ < 4 || used_.size() >= size_ - 3) return std::nullopt;
    for (;;) {
      next_ = next_ + 1 > size_ - 2 ? 2 : next_ + 1;
      const auto address = static_cast<std::uint32_t>(network_ + next_);
      if (used_.insert(address).second) return address;
    }
  }
  /// An address that an earlier life of ours gave out; the next one taken lies behind it.
  void reserve(std::uint32_t address) {
    used_.insert(address);
    if (address > network_ && address - network_ < size_)
      next_ = std::max<std::uint64_t>(next_, address - network_);
  }
  void give_back(std::uint32_t address) { used_.erase(address); }

 private:
  static std::uint32_t mask(int length) {
    return length == 0 ? 0 : ~std::uint32_t{0} << (32 - length);
  }
  std::uint32_t network_;
  std::uint64_t size_;
  std::uint64_t next_ = 1;
  std::set<std::uint32_t> used_;
};

}  // namespace berth::runtime
