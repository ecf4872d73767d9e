// SPDX-License-Identifier: Apache-2.0
//
// What of this machine reaches a build: its CA certificates, proxy settings and the operator's
// choice of package registries. Nothing else of our environment does.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "builder/sandbox.hpp"

namespace berth::server {

[[nodiscard]] std::vector<builder::SandboxSpec::Bind> machine_binds();
[[nodiscard]] std::map<std::string, std::string> machine_environment();

}  // namespace berth::server
