// SPDX-License-Identifier: Apache-2.0
//
// The Content-Type of a file by the end of its name.
#pragma once

#include <string_view>

namespace berth::site {

// "application/octet-stream" for a name that says nothing. Text types carry charset=utf-8.
[[nodiscard]] std::string_view content_type(std::string_view path);

}  // namespace berth::site
