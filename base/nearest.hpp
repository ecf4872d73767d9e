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

/// The name nearest to `word`, or an empty one if none is near enough to be meant. The result is a
/// view of an element of `names`.
[[nodiscard]] std::string_view nearest(std::string_view word,
                                       const std::vector<std::string_view>& names);

}  // namespace berth
