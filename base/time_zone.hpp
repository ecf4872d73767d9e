// SPDX-License-Identifier: Apache-2.0
//
// Time zones by their names in the tz database, as the machine has it; what a clock on the wall
// shows is told by cctz.
#pragma once

#include <cctz/time_zone.h>

#include <string>
#include <string_view>

#include "base/result.hpp"

namespace berth {

using TimeZone = cctz::time_zone;

/// "Europe/Berlin" and the like by form; nothing that leads out of the database.
[[nodiscard]] bool is_time_zone_name(std::string_view name);
/// The message goes on after a name of the field: "must be a time zone such as …".
[[nodiscard]] Result<TimeZone> find_time_zone(const std::string& name);

}  // namespace berth
