// SPDX-License-Identifier: Apache-2.0
//
// Which certificate a server shows, whoever signed it.
#pragma once

#include <chrono>
#include <string>

#include "base/result.hpp"

namespace berth {

/// In PEM: what `host` shows to a client that asks for it by SNI and speaks `protocol` alone, by
/// ALPN. Blocking; `deadline` is of each step.
[[nodiscard]] Result<std::string> shown_certificate(const std::string& host, int port,
                                                    const std::string& protocol,
                                                    std::chrono::milliseconds deadline);

}  // namespace berth
