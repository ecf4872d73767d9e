// SPDX-License-Identifier: Apache-2.0
#include "router/host_map.hpp"

#include "router/http/characters.hpp"

namespace berth::router {

HostName::HostName(std::string_view host) {
  if (host.size() > lower_.size()) return;
  const bool literal = !host.empty() && host.front() == '[';
  while (size_ < host.size() && (literal || host[size_] != ':')) {
    lower_[size_] = http::to_lower(host[size_]);
    ++size_;
    if (literal && lower_[size_ - 1] == ']') break;
  }
  if (size_ > 0 && lower_[size_ - 1] == '.') --size_;
}

void HostMap::add(const std::string& host, std::uint32_t index) {
  if (host.starts_with("*.")) {
    wildcard_[host.substr(2)] = index;
  } else {
    exact_[host] = index;
  }
}

std::optional<std::uint32_t> HostMap::find(std::string_view host) const {
  const HostName normalized(host);
  const std::string_view name = normalized.text();
  if (const auto found = exact_.find(name); found != exact_.end()) return found->second;
  if (wildcard_.empty()) return std::nullopt;
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos || dot == 0) return std::nullopt;
  const auto found = wildcard_.find(name.substr(dot + 1));
  if (found == wildcard_.end()) return std::nullopt;
  return found->second;
}

}  // namespace berth::router
