// SPDX-License-Identifier: Apache-2.0
#include "router/route_map.hpp"

#include <algorithm>

namespace berth::router {

void RouteMap::add(std::string_view route, std::uint32_t slot) {
  const std::size_t slash = std::min(route.find('/'), route.size());
  const bool wildcard = route.starts_with("*.");
  const std::string_view name = route.substr(0, slash).substr(wildcard ? 2 : 0);
  const std::string_view path = route.substr(slash);
  Host& host = (wildcard ? wildcard_ : exact_)[std::string(name)];
  ++size_;
  if (path.empty()) {
    host.slot = slot;
    return;
  }
  if (!host.paths) host.paths = std::make_unique<Paths>();
  host.paths->slots[std::string(path)] = slot;
  const auto segments = static_cast<std::size_t>(std::ranges::count(path, '/'));
  host.paths->deepest = std::max(host.paths->deepest, segments);
}

std::optional<std::uint32_t> RouteMap::Host::find(std::string_view target) const {
  std::optional<std::uint32_t> found = slot;
  if (!paths) return found;
  std::size_t end = 0;
  for (std::size_t depth = 0; depth < paths->deepest && end < target.size(); ++depth) {
    end = std::min(target.find_first_of("/?#", end + 1), target.size());
    const auto longer = paths->slots.find(target.substr(0, end));
    if (longer != paths->slots.end()) found = longer->second;
    if (end < target.size() && target[end] != '/') break;
  }
  return found;
}

std::optional<std::uint32_t> RouteMap::find(std::string_view host, std::string_view target) const {
  const HostName normalized(host);
  const std::string_view name = normalized.text();
  if (const auto found = exact_.find(name); found != exact_.end())
    if (const auto slot = found->second.find(target)) return slot;
  if (wildcard_.empty()) return std::nullopt;
  for (std::size_t dot = name.find('.', 1); dot != std::string_view::npos;
       dot = name.find('.', dot + 1)) {
    const auto found = wildcard_.find(name.substr(dot + 1));
    if (found == wildcard_.end()) continue;
    if (const auto slot = found->second.find(target)) return slot;
  }
  return std::nullopt;
}

}  // namespace berth::router
