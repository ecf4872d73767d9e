// SPDX-License-Identifier: Apache-2.0
//
// Words for a POSIX shell that somebody else runs: git passes every credential helper to `sh -c`,
// and a one-off's command is a line for the shell in its replica. Berth itself starts no shell.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace berth::cli {

/// The word as one shell word that means exactly its bytes: 'it'\''s'. Plain words stay plain.
[[nodiscard]] std::string shell_quote(std::string_view word);

/// One word is a command line and stays as it is; several are quoted, so that the program gets
/// exactly these arguments.
[[nodiscard]] std::string shell_command(std::span<const std::string> words);

}  // namespace berth::cli
