// SPDX-License-Identifier: Apache-2.0
#include "server/app_sizes.hpp"

#include "platform/size.hpp"

namespace berth::server {

void settle_sizes(platform::AppJson& app_json, const platform::Config& config, const Say& say) {
  for (auto& [type, first] : app_json.formation) {
    if (first.size.empty()) continue;
    const auto size = platform::parse_size(first.size, config.runtime.sizes);
    if (size.has_error())
      say("       Note: app.json, formation." + type + ".size: " + size.error().message + "\n");
    first.size = size.has_error() ? "" : size->name;
  }
}

}  // namespace berth::server
