// SPDX-License-Identifier: Apache-2.0
//
// Which certificate a client gets by the name that it asks for. Immutable; part of a Snapshot.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/certificate.hpp"
#include "router/host_map.hpp"

namespace berth::router {

class CertificateMap final {
 public:
  /// Of two for the same host the last added is taken.
  void add(std::shared_ptr<const ServerCertificate> certificate,
           const std::vector<std::string>& hosts, bool is_default) {
    const auto index = static_cast<std::uint32_t>(all_.size());
    for (const std::string& host : hosts) hosts_.add(host, index);
    if (is_default) default_ = certificate.get();
    all_.push_back(std::move(certificate));
  }
  /// For certificate authorities alone, which look whether the host is served here.
  void add_proof(std::shared_ptr<const ServerCertificate> certificate, const std::string& host) {
    proofs_.add(host, static_cast<std::uint32_t>(all_.size()));
    all_.push_back(std::move(certificate));
  }
  /// Exact, then "*." of the parent. For an empty name, of a client that asks for none, the
  /// default. Null: none.
  [[nodiscard]] const ServerCertificate* find(std::string_view host) const {
    if (host.empty()) return default_;
    const auto index = hosts_.find(host);
    return index ? all_[*index].get() : nullptr;
  }
  /// Null: nothing is proved for the host.
  [[nodiscard]] const ServerCertificate* find_proof(std::string_view host) const {
    const auto index = proofs_.find(host);
    return index ? all_[*index].get() : nullptr;
  }

 private:
  std::vector<std::shared_ptr<const ServerCertificate>> all_;
  HostMap hosts_;
  HostMap proofs_;
  const ServerCertificate* default_ = nullptr;
};

}  // namespace berth::router
