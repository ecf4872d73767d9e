// SPDX-License-Identifier: Apache-2.0
//
// The files of config/completions/, compiled in (cli/CMakeLists.txt).
#pragma once

#include <string_view>

namespace berth::cli {

extern const std::string_view bash_completion_script;
extern const std::string_view zsh_completion_script;

}  // namespace berth::cli
