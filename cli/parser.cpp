// SPDX-License-Identifier: Apache-2.0
#include "cli/parser.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/nearest.hpp"
#include "cli/format.hpp"

namespace berth::cli {

namespace {

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

/// The name by which Arguments knows an argument or a flag.
std::string key_of(const Argument& argument) { return lower(argument.name); }
std::string key_of(const Flag& flag) { return flag.name.substr(2); }

std::string help_of(const Command& command) { return "berth " + command.name + " --help"; }

void declare(CLI::App& app, const Command& command, const std::vector<Flag>& flags) {
  app.set_help_flag();
  app.allow_extras();
  app.prefix_command(command.rest);
  for (const auto& flag : flags) {
    const std::string names = flag.letter.empty() ? flag.name : flag.letter + "," + flag.name;
    if (flag.value.empty()) {
      app.add_flag(names);
      continue;
    }
    auto* option = app.add_option(names);
    option->type_size(1)->expected(1)->multi_option_policy(
        flag.repeated ? CLI::MultiOptionPolicy::TakeAll : CLI::MultiOptionPolicy::TakeLast);
  }
  if (command.rest) return;
  for (const auto& argument : command.arguments) {
    auto* option = app.add_option(key_of(argument));
    option->type_size(1)->expected(1, argument.repeated ? 1 << 20 : 1);
    option->allow_extra_args(argument.repeated);
  }
}

Failure unexpected(const Command& command, const std::vector<Flag>& flags,
                   const std::string& word) {
  if (!word.starts_with('-') || word == "-")
    return usage_failure(
        "'berth " + command.name + "' takes no argument '" + printable(word) + "'.",
        help_of(command));
  std::vector<std::string> names;
  for (const auto& flag : flags) names.push_back(flag.name);
  const std::string near = nearest(word, names);
  return usage_failure("'berth " + command.name + "' has no option '" + printable(word) + "'." +
                           (near.empty() ? "" : " Did you mean '" + near + "'?"),
                       help_of(command));
}

Outcome<void> check_number(const Command& command, const Flag& flag, const std::string& text) {
  int number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code == std::errc() && end == text.data() + text.size() && number >= *flag.at_least)
    return {};
  return usage_failure(flag.name + " wants a whole number of at least " +
                           std::to_string(*flag.at_least) + ", not '" + printable(text) + "'.",
                       help_of(command));
}

/// What CLI11 left over: the command of `run`, or words that nobody takes.
Outcome<void> take_rest(const Command& command, const std::vector<Flag>& flags,
                        std::vector<std::string> rest, Arguments& arguments) {
  if (!command.rest) {
    std::erase(rest, "--");
    if (!rest.empty()) return unexpected(command, flags, rest.front());
    return {};
  }
  const bool marked = !rest.empty() && rest.front() == "--";
  if (marked) rest.erase(rest.begin());
  if (!marked && !rest.empty() && rest.front().starts_with('-'))
    return unexpected(command, flags, rest.front());
  for (auto& word : rest) arguments.add(key_of(command.arguments.front()), std::move(word));
  return {};
}

}  // namespace

Outcome<Arguments> parse_arguments(const Command& command, const std::vector<std::string>& words) {
  const std::vector<Flag> flags = flags_of(command);
  CLI::App app;
  declare(app, command, flags);
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::ParseError& failure) {
    return usage_failure("'berth " + command.name + "': " + printable(failure.what()) + ".",
                         help_of(command));
  }

  Arguments arguments;
  BERTH_TRY(take_rest(command, flags, app.remaining(), arguments));
  for (const auto& flag : flags) {
    const auto* option = app.get_option(flag.name);
    if (option->count() == 0) continue;
    for (const auto& value : option->reduced_results()) {
      if (flag.at_least) BERTH_TRY(check_number(command, flag, value));
      arguments.add(key_of(flag), value);
    }
  }
  if (arguments.has("help")) return arguments;
  for (const auto& argument : command.arguments) {
    if (!command.rest)
      for (const auto& value : app.get_option(key_of(argument))->results())
        arguments.add(key_of(argument), value);
    if (argument.required && !arguments.has(key_of(argument)))
      return usage_failure("'berth " + command.name + "' needs " + argument.name + ".",
                           help_of(command));
  }
  return arguments;
}

}  // namespace berth::cli
