// SPDX-License-Identifier: Apache-2.0
#include "router/http/proxy_header.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>

namespace berth::router::http {

namespace {

using Status = ProxyHeader::Status;

constexpr std::string_view signature_1 = "PROXY ";
constexpr std::string_view signature_2("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t longest_line = 107;
constexpr std::size_t fixed_2 = 16;

constexpr ProxyHeader invalid{.status = Status::invalid, .size = 0, .source = {}};

/// Whether what is there so far can become one.
bool may_begin(std::string_view data, std::string_view signature) {
  const std::size_t size = std::min(data.size(), signature.size());
  return data.substr(0, size) == signature.substr(0, size);
}

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
  return failure == std::errc() && end == text.data() + text.size() &&
         (text.size() == 1 || text.front() != '0');
}

/// "TCP4 192.0.2.7 192.0.2.8 51234 443", or "UNKNOWN" and whatever is behind it.
ProxyHeader scan_line(std::string_view line, std::size_t size) {
  const ProxyHeader unknown{.status = Status::complete, .size = size, .source = {}};
  if (line == "UNKNOWN" || line.starts_with("UNKNOWN ")) return unknown;
  std::array<std::string_view, 5> words;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::size_t space = line.find(' ');
    if ((space == std::string_view::npos) != (i + 1 == words.size())) return invalid;
    words[i] = line.substr(0, space);
    line.remove_prefix(std::min(line.size(), words[i].size() + 1));
  }
  const auto source = IpAddress::parse(words[1]);
  const auto target = IpAddress::parse(words[2]);
  const bool v4 = words[0] == "TCP4";
  if ((!v4 && words[0] != "TCP6") || !source || !target || !is_port(words[3]) ||
      !is_port(words[4]))
    return invalid;
  // An address of IPv6 has a colon, also one that stands for IPv4.
  if (v4 != (words[1].find(':') == std::string_view::npos)) return invalid;
  return {.status = Status::complete, .size = size, .source = source};
}

ProxyHeader scan_1(std::string_view data) {
  const std::size_t end = data.substr(0, longest_line).find('\n');
  if (end == std::string_view::npos)
    return data.size() >= longest_line ? invalid : ProxyHeader{};
  if (data[end - 1] != '\r') return invalid;
  return scan_line(data.substr(signature_1.size(), end - 1 - signature_1.size()), end + 1);
}

ProxyHeader scan_2(std::string_view data) {
  if (data.size() < fixed_2) return {};
  const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(data[at]); };
  const std::uint8_t version = byte(12) >> 4;
  const std::uint8_t command = byte(12) & 15;
  const std::uint8_t family = byte(13);
  const std::size_t length = static_cast<std::size_t>(byte(14)) << 8 | byte(15);
  if (version != 2 || command > 1 || fixed_2 + length > max_proxy_header_size) return invalid;
  constexpr std::uint8_t tcp4 = 0x11;
  constexpr std::uint8_t tcp6 = 0x21;
  const bool local = command == 0;
  if (!local && ((family == tcp4 && length < 12) || (family == tcp6 && length < 36)))
    return invalid;
  if (data.size() < fixed_2 + length) return {};
  ProxyHeader header{.status = Status::complete, .size = fixed_2 + length, .source = {}};
  if (local) return header;
  if (family == tcp4) {
    header.source = IpAddress::v4(std::array{byte(16), byte(17), byte(18), byte(19)});
  } else if (family == tcp6) {
    std::array<std::uint8_t, 16> bytes{};
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = byte(fixed_2 + i);
    header.source = IpAddress(bytes);
  }
  return header;
}

}  // namespace

ProxyHeader scan_proxy_header(std::string_view data) {
  if (may_begin(data, signature_1))
    return data.size() < signature_1.size() ? ProxyHeader{} : scan_1(data);
  if (may_begin(data, signature_2))
    return data.size() < signature_2.size() ? ProxyHeader{} : scan_2(data);
  return invalid;
}

}  // namespace berth::router::http
