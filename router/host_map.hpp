// SPDX-License-Identifier: Apache-2.0
//
// From a host name to the index of what it belongs to: an app's slot, a certificate.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace berth::router {

class HostMap final {
 public:
  void add(const std::string& host, std::uint32_t index);
  /// Exact, then "*." of the parent; `host` as clients send it, with port and in any case.
  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view host) const;
  [[nodiscard]] std::size_t size() const { return exact_.size() + wildcard_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };
  using Map = std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>>;
  Map exact_;
  Map wildcard_;  ///< by the parent: "*.shop.example" under "shop.example"
};

}  // namespace berth::router
