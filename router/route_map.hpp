// SPDX-License-Identifier: Apache-2.0
//
// From the host and target of a request to the slot of the app that it is for. A route is a host,
// "*." before one for every name below it, and perhaps a path behind: "shop.example/api". The
// nearest host that has a route for the path wins, there the longest path. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "router/host_map.hpp"

namespace berth::router {

class RouteMap final {
 public:
  /// `route` as a Table has it: in its normal form.
  void add(std::string_view route, std::uint32_t slot);
  /// `host` and `target` as clients send them. A path is of whole segments, compared byte by byte:
  /// "/api" is for "/api", "/api/x" and "/api?x", not for "/apix".
  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view host,
                                                  std::string_view target) const;
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Paths {
    std::unordered_map<std::string, std::uint32_t, TextHash, std::equal_to<>> slots;
    std::size_t deepest = 0;  ///< segments of the longest: no more are looked up
  };
  struct Host {
    std::optional<std::uint32_t> slot;  ///< for what no path is for
    std::unique_ptr<Paths> paths;       ///< null: none, which is most
    [[nodiscard]] std::optional<std::uint32_t> find(std::string_view target) const;
  };
  using Map = std::unordered_map<std::string, Host, TextHash, std::equal_to<>>;

  Map exact_;
  Map wildcard_;  ///< by the parent: "*.shop.example" under "shop.example"
  std::size_t size_ = 0;
};

}  // namespace berth::router
