// SPDX-License-Identifier: Apache-2.0
#include "base/ip_network.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace berth {

namespace {

constexpr std::array<std::uint8_t, 12> v4_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

IpAddress IpAddress::v4(std::span<const std::uint8_t, 4> bytes) {
  IpAddress address;
  std::ranges::copy(v4_prefix, address.bytes_.begin());
  std::ranges::copy(bytes, address.bytes_.begin() + v4_prefix.size());
  return address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size()) return std::nullopt;
  std::ranges::copy(text, terminated.begin());
  if (std::strlen(terminated.data()) != text.size()) return std::nullopt;
  std::array<std::uint8_t, 4> four{};
  if (::inet_pton(AF_INET, terminated.data(), four.data()) == 1) return v4(four);
  std::array<std::uint8_t, 16> sixteen{};
  if (::inet_pton(AF_INET6, terminated.data(), sixteen.data()) == 1) return IpAddress(sixteen);
  return std::nullopt;
}

bool IpAddress::is_v4() const {
  return std::equal(v4_prefix.begin(), v4_prefix.end(), bytes_.begin());
}

std::string IpAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (is_v4())
    ::inet_ntop(AF_INET, bytes_.data() + v4_prefix.size(), text.data(), text.size());
  else
    ::inet_ntop(AF_INET6, bytes_.data(), text.data(), text.size());
  return text.data();
}

Result<IpNetwork> IpNetwork::parse(std::string_view text) {
  const Error invalid{ErrorKind::invalid,
                      "'" + std::string(text.substr(0, 60)) +
                          "' is no IP address or network, such as 192.0.2.7, 10.0.0.0/8 or "
                          "2001:db8::/32"};
  const std::size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return invalid;
  IpNetwork network;
  const int offset = address->is_v4() ? 96 : 0;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    int bits = 0;
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
    if (digits.empty() || failure != std::errc{} || end != digits.data() + digits.size() ||
        bits < 0 || bits > 128 - offset || digits.front() == '-')
      return invalid;
    network.bits_ = bits + offset;
  }
  auto bytes = address->bytes();
  for (int bit = network.bits_; bit < 128; ++bit)
    bytes[static_cast<std::size_t>(bit / 8)] &= static_cast<std::uint8_t>(~(0x80 >> (bit % 8)));
  network.address_ = IpAddress(bytes);
  return network;
}

bool IpNetwork::contains(const IpAddress& address) const {
  const auto whole = static_cast<std::size_t>(bits_ / 8);
  if (std::memcmp(address_.bytes().data(), address.bytes().data(), whole) != 0) return false;
  const int rest = bits_ % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - rest));
  return ((address_.bytes()[whole] ^ address.bytes()[whole]) & mask) == 0;
}

std::string IpNetwork::text() const {
  if (bits_ == 128) return address_.text();
  return address_.text() + "/" + std::to_string(bits());
}

bool contains(const std::vector<IpNetwork>& networks, const IpAddress& address) {
  return std::ranges::any_of(networks,
                             [&](const IpNetwork& network) { return network.contains(address); });
}

}  // namespace berth
