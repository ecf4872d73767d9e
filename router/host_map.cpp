// SPDX-License-Identifier: Apache-2.0
#include "router/host_map.hpp"

#include <array>

#include "router/http/characters.hpp"
#include "router/http/request_head.hpp"

namespace berth::router {

void HostMap::add(const std::string& host, std::uint32_t index) {
  if (host.starts_with("*.")) {
    wildcard_[host.substr(2)] = index;
  } else {
    exact_[host] = index;
  }
}

std::optional<std::uint32_t> HostMap::find(std::string_view host) const {
  if (host.size() > http::max_host_size) return std::nullopt;
  std::array<char, http::max_host_size> lower;
  const bool literal = !host.empty() && host.front() == '[';
  std::size_t size = 0;
  while (size < host.size() && (literal || host[size] != ':')) {
    lower[size] = http::to_lower(host[size]);
    ++size;
    if (literal && lower[size - 1] == ']') break;
  }
  if (size > 0 && lower[size - 1] == '.') --size;
  const std::string_view name(lower.data(), size);
  if (const auto found = exact_.find(name); found != exact_.end()) return found->second;
  if (wildcard_.empty()) return std::nullopt;
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos || dot == 0) return std::nullopt;
  const auto found = wildcard_.find(name.substr(dot + 1));
  if (found == wildcard_.end()) return std::nullopt;
  return found->second;
}

}  // namespace berth::router
