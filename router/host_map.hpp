// SPDX-License-Identifier: Apache-2.0
//
// From a host name to the index of what it belongs to: a certificate, or what routes there are at
// it (RouteMap).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "router/http/request_head.hpp"

namespace berth::router {

/// As a key of a map: found by a string_view, without a copy.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};

/// A host as clients send it, with port and in any case, as a name: "shop.example". Empty if it is
/// too long for one.
class HostName final {
 public:
  explicit HostName(std::string_view host);
  [[nodiscard]] std::string_view text() const { return {lower_.data(), size_}; }

 private:
  std::array<char, http::max_host_size> lower_;
  std::size_t size_ = 0;
};

class HostMap final {
 public:
  void add(const std::string& host, std::uint32_t index);
  /// Exact, then "*." of the parent, as certificates are for; `host` as clients send it.
  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view host) const;
  [[nodiscard]] std::size_t size() const { return exact_.size() + wildcard_.size(); }

 private:
  using Map = std::unordered_map<std::string, std::uint32_t, TextHash, std::equal_to<>>;
  Map exact_;
  Map wildcard_;  ///< by the parent: "*.shop.example" under "shop.example"
};

}  // namespace berth::router
