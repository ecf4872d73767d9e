// SPDX-License-Identifier: Apache-2.0
//
// The form of each of a Dockerfile's instructions: its flags, its two ways of writing words, how
// many there must be. Used by the parser alone (dockerfile.hpp). Pure.
#pragma once

#include <string>
#include <string_view>

#include "builder/dockerfile.hpp"

namespace berth::builder {

/// `text` is the whole instruction, trimmed, not empty. The bodies of its here-documents are not
/// read yet.
[[nodiscard]] Result<Instruction> form_instruction(const std::string& text,
                                                   const std::string& file, std::size_t line,
                                                   char escape);

[[nodiscard]] std::string lower_case(std::string_view text);

}  // namespace berth::builder
