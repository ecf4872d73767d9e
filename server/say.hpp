// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string_view>

namespace berth::server {

/// Tells whoever waits for a deploy how it goes. Called on the strand.
using Say = std::function<void(std::string_view)>;

}  // namespace berth::server
