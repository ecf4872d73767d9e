// SPDX-License-Identifier: Apache-2.0
//
// The words of a Dockerfile's instruction, as Docker reads them: quotes, escapes, $NAME, ${NAME},
// ${NAME:-else} and ${NAME:+instead}. Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace berth::builder {

/// The value of a variable; nothing if it is not set.
using VariableLookup = std::function<std::optional<std::string>(std::string_view)>;

/// At spaces and tabs outside quotes. Quotes and escapes stay.
[[nodiscard]] Result<std::vector<std::string>> split_words(std::string_view text, char escape);

/// Without quotes and escapes, variables replaced. An unset one is empty.
[[nodiscard]] Result<std::string> expand_word(std::string_view word, const VariableLookup& lookup,
                                              char escape);
/// The text of a here-document: quotes mean nothing in it.
[[nodiscard]] Result<std::string> expand_text(std::string_view text, const VariableLookup& lookup,
                                              char escape);

}  // namespace berth::builder
