// SPDX-License-Identifier: Apache-2.0
//
// What workers share beside the table: none of it is touched by a request unless somebody asked for
// a limit or a password.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "base/ip_network.hpp"
#include "base/keyed_hash.hpp"
#include "router/password_checker.hpp"

namespace berth::router {

/// How many connections each address has, on all threads; of IPv6 what one subscriber has.
class AddressCounts final {
 public:
  explicit AddressCounts(std::uint32_t limit) : limit_(limit) {}

  /// What to leave() by; 0: it has as many already as it may.
  [[nodiscard]] std::uint64_t enter(const IpAddress& address) {
    const std::uint64_t key = key_of(address);
    Part& part = parts_[key % parts_.size()];
    const std::lock_guard lock(part.mutex);
    std::uint32_t& count = part.counts[key];
    if (count >= limit_) return 0;
    ++count;
    return key;
  }
  void leave(std::uint64_t key) {
    Part& part = parts_[key % parts_.size()];
    const std::lock_guard lock(part.mutex);
    const auto found = part.counts.find(key);
    if (found != part.counts.end() && --found->second == 0) part.counts.erase(found);
  }

 private:
  struct Part {
    std::mutex mutex;
    std::unordered_map<std::uint64_t, std::uint32_t> counts;
  };
  [[nodiscard]] std::uint64_t key_of(const IpAddress& address) const {
    const auto& bytes = address.bytes();
    constexpr std::size_t subscriber = 8;
    const std::size_t size = address.is_v4() ? bytes.size() : subscriber;
    return hash_.of({reinterpret_cast<const char*>(bytes.data()), size}) | 1;
  }

  const std::uint32_t limit_;
  KeyedHash hash_;
  std::array<Part, 16> parts_;
};

struct WorkerShared {
  std::unique_ptr<AddressCounts> addresses;  ///< null: any number
  KeyedHash password_hash;
  PasswordChecker passwords;
};

}  // namespace berth::router
