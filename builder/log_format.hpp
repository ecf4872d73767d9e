// SPDX-License-Identifier: Apache-2.0
//
// How the build log looks: "-----> Title", lines indented by seven spaces, sizes and lists as
// people write them. Buildpacks print the same form; their output goes through as it is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace berth::builder {

/// "-----> text\n"
[[nodiscard]] std::string log_title(std::string_view text);
/// Every line of `text` after seven spaces.
[[nodiscard]] std::string log_lines(std::string_view text);
/// "41 kB", "1.3 MB": decimal units, three figures at most.
[[nodiscard]] std::string people_bytes(std::uint64_t bytes);
/// "a", "a and b", "a, b and c"
[[nodiscard]] std::string people_list(const std::vector<std::string>& words);
/// "1 layer", "3 layers"
[[nodiscard]] std::string people_count(std::uint64_t count, std::string_view noun);

}  // namespace berth::builder
