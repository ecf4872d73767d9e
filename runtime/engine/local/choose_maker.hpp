// SPDX-License-Identifier: Apache-2.0
//
// From what a configuration or a replica names to a program of this machine.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "runtime/engine/local/maker.hpp"

namespace berth::runtime {

/// `wanted`: "native", "crun", "runc", "runsc", or a path whose file is named after one of them
/// ("/opt/crun-1.21"); empty: `standard`, which is said the same way. Where `standard` is a path,
/// it is also the program of the runtime that it is named after. What is not installed is an error.
[[nodiscard]] Result<ChosenMaker> choose_maker(std::string_view wanted, std::string_view standard);

}  // namespace berth::runtime
