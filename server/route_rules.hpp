// SPDX-License-Identifier: Apache-2.0
//
// What an app's owner says of routing, as the router's table has it (docs/decisions/0002). Pure.
#pragma once

#include "base/json.hpp"
#include "platform/config.hpp"
#include "platform/model.hpp"

namespace berth::server {

/// The fields of the table's App that come from settings.
[[nodiscard]] json::object route_settings(const platform::App& app,
                                          const platform::Config::Router& defaults);

}  // namespace berth::server
