// SPDX-License-Identifier: Apache-2.0
#include "builder/procfile.hpp"

#include <algorithm>

namespace berth::builder {

namespace {

constexpr std::size_t longest_type = 63;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v'; }

bool is_type_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '-';
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

/// A '#' after white space starts a comment, unless it stands in quotes.
std::string_view without_comment(std::string_view command) {
  char quote = 0;
  for (std::size_t i = 0; i < command.size(); ++i) {
    const char c = command[i];
    if (quote != 0) {
      if (c == '\\' && quote == '"')
        ++i;
      else if (c == quote)
        quote = 0;
    } else if (c == '\\') {
      ++i;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == '#' && i > 0 && is_space(command[i - 1])) {
      return trim(command.substr(0, i));
    }
  }
  return command;
}

Error broken(std::size_t number, std::string_view line, std::string_view why) {
  constexpr std::size_t longest_shown = 80;
  std::string shown(line.substr(0, longest_shown));
  if (line.size() > longest_shown) shown += "…";
  return {ErrorKind::invalid, "Procfile, line " + std::to_string(number) + ": " + std::string(why) +
                                  "\n  " + shown +
                                  "\nEvery line is a process type and its command, such as "
                                  "'web: node server.js'."};
}

}  // namespace

Result<std::vector<ProcfileEntry>> parse_procfile(std::string_view text) {
  std::vector<ProcfileEntry> entries;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    const std::string_view line = trim(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (line.empty() || line.starts_with('#') || line.starts_with("//")) continue;
    if (line.find('\0') != line.npos) return broken(number, "", "it holds a zero byte");
    const auto colon = line.find(':');
    if (colon == line.npos) return broken(number, line, "there is no ':' after a process type");
    const std::string_view type = line.substr(0, colon);
    if (type.empty() || !std::all_of(type.begin(), type.end(), is_type_character))
      return broken(number, line, "a process type is letters, digits, '-' and '_'");
    if (type.size() > longest_type)
      return broken(number, line, "a process type has at most 63 characters");
    const std::string_view command = without_comment(trim(line.substr(colon + 1)));
    if (command.empty() || command.starts_with('#'))
      return broken(number, line, "there is no command after the ':'");
    std::erase_if(entries, [&](const ProcfileEntry& entry) { return entry.type == type; });
    entries.push_back({std::string(type), std::string(command)});
  }
  return entries;
}

}  // namespace berth::builder
