// SPDX-License-Identifier: Apache-2.0
//
// The payload's verbs that try to break out of a container, or to harm what is beside it. Each
// prints one line an attempt: its name, and the error or ALLOWED.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace berth::test {

/// The exit code; nothing if there is no such verb.
[[nodiscard]] std::optional<int> hostile(const std::string& verb,
                                         const std::vector<std::string>& arguments);

}  // namespace berth::test
