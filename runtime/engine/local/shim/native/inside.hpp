// SPDX-License-Identifier: Apache-2.0
//
// The container's first process, from its clone to the program of the agent.
#pragma once

#include <string_view>

#include "runtime/engine/local/shim_conf.hpp"

namespace berth::runtime::shim {

/// In a fresh child in new namespaces, of which no user is mapped yet. `go`: a byte comes when the
/// users are mapped and the stage is made; its end means that the shim is gone.
[[noreturn]] void become_container(const ShimConf& conf, std::string_view filter, int agent,
                                   int go);

}  // namespace berth::runtime::shim
