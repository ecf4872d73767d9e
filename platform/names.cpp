// SPDX-License-Identifier: Apache-2.0
#include "platform/names.hpp"

#include <algorithm>
#include <array>

namespace berth::platform {

namespace {

constexpr std::size_t max_config_value_bytes = 32 << 10;

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }

/// What the user typed, safe to print: cut at 40 characters, control characters as '?'.
std::string quoted(std::string_view text) {
  std::string shown(text.substr(0, 40));
  std::ranges::replace_if(shown, [](char c) { return c >= 0 && c < 32; }, '?');
  return "'" + shown + (text.size() > 40 ? "…'" : "'");
}

/// Host names of the platform itself, and names that would shadow a path or a tool's word.
constexpr std::array reserved = {"api", "dashboard", "git", "localhost", "registry", "run", "www"};

}  // namespace

Result<AppName> AppName::parse(std::string_view text) {
  const auto rule = [&](std::string_view why) {
    return Error{ErrorKind::invalid,
                 "the app name " + quoted(text) + " " + std::string(why) +
                     ". Use 1 to 30 lower-case letters, digits and single dashes, starting with a "
                     "letter, for example 'my-shop'"};
  };
  if (text.empty()) return rule("is empty");
  if (text.size() > 30) return rule("is longer than 30 characters");
  if (!is_lower(text.front())) return rule("does not start with a lower-case letter");
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '-' && i + 1 < text.size() && text[i + 1] != '-') continue;
    if (c == '-') return rule("has a dash at its end or two in a row");
    if (!is_lower(c) && !is_digit(c)) return rule("has a character that is not allowed");
  }
  if (std::ranges::find(reserved, text) != reserved.end())
    return Error{ErrorKind::invalid, "the app name " + quoted(text) +
                                         " is reserved for the platform. Choose another name"};
  return AppName(std::string(text));
}

Result<PreviewName> PreviewName::parse(std::string_view text) {
  bool legal = text.size() >= 3 && text.size() <= 30;
  for (std::size_t i = 0; legal && i < text.size(); ++i) {
    const bool inside = i > 0 && i + 1 < text.size() && text[i + 1] != '-';
    legal = is_lower(text[i]) || is_digit(text[i]) || (text[i] == '-' && inside);
  }
  if (!legal)
    return Error{ErrorKind::invalid,
                 "the preview name " + quoted(text) +
                     " is not valid. Use 3 to 30 lower-case letters, digits and single dashes "
                     "between them, for example refs/previews/fix-42"};
  return PreviewName(std::string(text));
}

Result<std::string> parse_pipeline_name(std::string_view text) {
  const bool legal = text.size() >= 3 && text.size() <= 30 && is_lower(text.front()) &&
                     std::ranges::all_of(text, [](char c) {
                       return is_lower(c) || is_digit(c) || c == '-';
                     });
  if (!legal)
    return Error{ErrorKind::invalid,
                 "the pipeline name " + quoted(text) +
                     " is not valid. Use 3 to 30 lower-case letters, digits and dashes, starting "
                     "with a letter, for example 'shop'"};
  return std::string(text);
}

Result<ProcessTypeName> ProcessTypeName::parse(std::string_view text) {
  const bool legal = !text.empty() && text.size() <= 63 && std::ranges::all_of(text, [](char c) {
    return is_letter(c) || is_digit(c) || c == '_' || c == '-';
  });
  if (!legal)
    return Error{ErrorKind::invalid, "the process type " + quoted(text) +
                                         " is not valid: use 1 to 63 letters, digits, '-' and '_'"};
  return ProcessTypeName(std::string(text));
}

Result<void> check_config_var(std::string_view name, std::string_view value) {
  const auto refuse = [&](std::string_view why) {
    return Error{ErrorKind::invalid, "the config var " + quoted(name) + " " + std::string(why)};
  };
  const bool legal = !name.empty() && name.size() <= 256 && !is_digit(name.front()) &&
                     std::ranges::all_of(name, [](char c) {
                       return is_letter(c) || is_digit(c) || c == '_';
                     });
  if (!legal)
    return refuse("has no valid name: use letters, digits and '_', not starting with a digit");
  if (name == "PORT") return refuse("is set by the platform for each replica");
  if (name.starts_with("CNB_")) return refuse("is reserved for buildpacks (CNB_…)");
  if (value.size() > max_config_value_bytes) return refuse("has a value over 32 KiB");
  if (value.find('\0') != std::string_view::npos) return refuse("has a NUL byte in its value");
  return {};
}

Result<std::string> parse_hostname(std::string_view text) {
  const auto refuse = [&](std::string_view why) {
    return Error{ErrorKind::invalid, "the domain " + quoted(text) + " " + std::string(why) +
                                         ". Give a host name such as 'www.example.com'"};
  };
  std::string name(text);
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  std::string_view rest = name;
  if (rest.starts_with("*.")) rest.remove_prefix(2);
  if (rest.size() > 253) return refuse("is longer than 253 characters");
  std::size_t labels = 0;
  while (true) {
    const auto dot = rest.find('.');
    const std::string_view label = rest.substr(0, dot);
    const bool legal = !label.empty() && label.size() <= 63 && label.front() != '-' &&
                       label.back() != '-' && std::ranges::all_of(label, [](char c) {
                         return is_lower(c) || is_digit(c) || c == '-';
                       });
    if (!legal) return refuse("is not a valid host name");
    ++labels;
    if (dot == std::string_view::npos) break;
    rest.remove_prefix(dot + 1);
  }
  if (labels < 2) return refuse("has only one label");
  return name;
}

std::string normal_route(std::string_view text) {
  std::string route(text);
  for (char& c : route) {
    if (c == '/') break;
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  while (route.ends_with('/')) route.pop_back();
  return route;
}

Result<RouteName> parse_route(std::string_view text) {
  constexpr std::size_t longest_path = 255;
  constexpr int deepest_path = 16;
  const std::string route = normal_route(text);
  const std::size_t slash = std::min(route.find('/'), route.size());
  RouteName name{.hostname = {}, .path = route.substr(slash)};
  BERTH_ASSIGN(name.hostname, parse_hostname(std::string_view(route).substr(0, slash)));
  const auto refuse = [&](std::string_view why) {
    return Error{ErrorKind::invalid, "the path " + quoted(name.path) + " " + std::string(why) +
                                         ". Give one such as 'www.example.com/api'"};
  };
  if (name.path.size() > longest_path) return refuse("is longer than 255 characters");
  int segments = 0;
  for (std::string_view rest = name.path; !rest.empty();) {
    rest.remove_prefix(1);
    const std::string_view segment = rest.substr(0, rest.find('/'));
    if (segment.empty() || segment == "." || segment == "..")
      return refuse("has a segment that is empty or only dots");
    if (!std::ranges::all_of(segment, [](char c) {
          return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
        }))
      return refuse("may have letters, digits and '-', '.', '_', '~' alone");
    if (++segments > deepest_path) return refuse("has more than 16 segments");
    rest.remove_prefix(segment.size());
  }
  return name;
}

}  // namespace berth::platform
