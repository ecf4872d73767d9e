// SPDX-License-Identifier: Apache-2.0
//
// The sizes that an app.json names, as this platform knows them.
#pragma once

#include "platform/app_json.hpp"
#include "platform/config.hpp"
#include "server/say.hpp"

namespace berth::server {

/// As they are stored; one that means nothing here is left out, and said.
void settle_sizes(platform::AppJson& app_json, const platform::Config& config, const Say& say);

}  // namespace berth::server
