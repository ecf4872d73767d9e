// SPDX-License-Identifier: Apache-2.0
//
// TOML read into, and written from, the JSON values that the rest of the builder works with: the
// lifecycle moves metadata between the two formats all the time. Dates become RFC 3339 strings.
#pragma once

#include <string>
#include <string_view>

#include "base/json.hpp"
#include "base/result.hpp"

namespace berth::builder {

/// The error names line and column. Text that is not UTF-8 is an error.
[[nodiscard]] Result<json::object> parse_toml(std::string_view text);

/// Tables as [sections], arrays of tables as [[sections]]; keys in the object's order, null left
/// out.
[[nodiscard]] std::string write_toml(const json::object& object);

}  // namespace berth::builder
