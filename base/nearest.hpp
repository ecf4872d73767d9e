// SPDX-License-Identifier: Apache-2.0
//
// "Did you mean …": the nearest of some names by edit distance. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace berth {

/// Insertions, deletions, replacements and swaps of neighbours that lead from one to the other.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

/// The name nearest to `word`, or an empty string if none is near enough to be meant.
[[nodiscard]] std::string nearest(std::string_view word, const std::vector<std::string>& names);

}  // namespace berth
