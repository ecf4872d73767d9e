// SPDX-License-Identifier: Apache-2.0
//
// Where an app's replicas run, as its owner says it: by labels that a pool of berth.yaml must have
// (every pool has its own name as the label "pool"), and by what makes their containers. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "platform/config.hpp"

namespace berth::platform {

struct Placement {
  std::map<std::string, std::string> labels;  ///< none: the pool "default"
  std::string oci;  ///< "runsc"; empty: as the pool has it
  friend bool operator==(const Placement&, const Placement&) = default;
};

/// What may make an app's containers, beside whatever berth.yaml names by a path.
inline constexpr std::string_view container_makers[] = {"native", "crun", "runc", "runsc"};

/// What may be a label's key or value, and a pool's name.
[[nodiscard]] bool is_label_word(std::string_view text);
[[nodiscard]] Result<void> check_label(std::string_view key, std::string_view value);

/// Words such as "pool=untrusted", "region=eu", "oci=runsc", each key once. An error says what is
/// wrong with which.
[[nodiscard]] Result<Placement> parse_placement(const std::vector<std::string>& words);
/// The same, with spaces between the words.
[[nodiscard]] Result<Placement> parse_placement(std::string_view text);
[[nodiscard]] std::string placement_text(const Placement& placement);

/// The labels of a pool: its own and its name.
[[nodiscard]] std::map<std::string, std::string> labels_of(const std::string& name,
                                                           const Pool& pool);
/// What a pool has to have for this app.
[[nodiscard]] std::map<std::string, std::string> wanted_labels(const Placement& placement);
/// Names of the pools that it may run in.
[[nodiscard]] std::vector<std::string> pools_for(const Placement& placement, const Pools& pools);

}  // namespace berth::platform
