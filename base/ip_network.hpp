// SPDX-License-Identifier: Apache-2.0
//
// IP addresses and networks as text and as bits: "192.0.2.7", "10.0.0.0/8", "2001:db8::/32". Pure,
// and without memory of its own, for those who ask about every request.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth {

/// IPv4 is kept as IPv6 says it: ::ffff:a.b.c.d.
class IpAddress final {
 public:
  IpAddress() = default;
  explicit IpAddress(const std::array<std::uint8_t, 16>& bytes) : bytes_(bytes) {}
  /// The four bytes of an IPv4 address.
  [[nodiscard]] static IpAddress v4(std::span<const std::uint8_t, 4> bytes);
  /// Without port, brackets or zone.
  [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);

  [[nodiscard]] bool is_v4() const;
  [[nodiscard]] std::string text() const;
  [[nodiscard]] const std::array<std::uint8_t, 16>& bytes() const { return bytes_; }
  friend bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
  std::array<std::uint8_t, 16> bytes_{};
};

class IpNetwork final {
 public:
  /// An address, or one with "/" and the bits that count; bits behind those are cleared.
  [[nodiscard]] static Result<IpNetwork> parse(std::string_view text);
  [[nodiscard]] bool contains(const IpAddress& address) const;
  [[nodiscard]] bool is_v4() const { return address_.is_v4() && bits_ >= 96; }
  [[nodiscard]] const IpAddress& address() const { return address_; }
  /// 32 at most of IPv4.
  [[nodiscard]] int bits() const { return is_v4() ? bits_ - 96 : bits_; }
  /// As it would be written: "10.0.0.0/8", "192.0.2.7".
  [[nodiscard]] std::string text() const;
  friend bool operator==(const IpNetwork&, const IpNetwork&) = default;

 private:
  IpAddress address_;
  int bits_ = 128;  ///< of the sixteen bytes
};

[[nodiscard]] bool contains(const std::vector<IpNetwork>& networks, const IpAddress& address);

}  // namespace berth
