// SPDX-License-Identifier: Apache-2.0
#include "cli/shell_quote.hpp"

namespace berth::cli {

std::string shell_quote(std::string_view word) {
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:,+@%=";
  // A leading '=' expands in zsh, a leading NAME= would be an assignment: quoting both is harmless.
  if (!word.empty() && word.find_first_not_of(plain) == std::string_view::npos &&
      word.find('=') == std::string_view::npos)
    return std::string(word);
  std::string result = "'";
  for (const char c : word) {
    if (c == '\'')
      result += "'\\''";
    else
      result += c;
  }
  return result + "'";
}

std::string shell_command(std::span<const std::string> words) {
  if (words.size() == 1) return words.front();
  std::string line;
  for (const auto& word : words) {
    if (!line.empty()) line += ' ';
    line += shell_quote(word);
  }
  return line;
}

}  // namespace berth::cli
