// SPDX-License-Identifier: Apache-2.0
//
// The operator's program that puts TXT records into the DNS and takes them out (docs/tls.md).
#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <string>

#include "base/result.hpp"

namespace berth::server {

/// Refuses what somebody but root and the server's own user could have written.
[[nodiscard]] Result<void> check_dns_hook(const std::filesystem::path& program);

struct DnsRecord {
  std::string domain;  ///< "example.com"
  std::string name;    ///< "_acme-challenge.example.com"
  std::string value;
};

/// `PROGRAM ACTION DOMAIN NAME VALUE`; an error holds the end of what it printed. Blocking, until
/// soon after `cancel` is set.
[[nodiscard]] Result<void> run_dns_hook(const std::filesystem::path& program, std::string action,
                                        const DnsRecord& record,
                                        std::chrono::milliseconds deadline,
                                        const std::atomic<bool>* cancel = nullptr);

}  // namespace berth::server
