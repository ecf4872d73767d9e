// SPDX-License-Identifier: Apache-2.0
#include "cli/help.hpp"

#include <algorithm>
#include <vector>

#include "cli/table.hpp"

namespace berth::cli {

namespace {

std::vector<std::string> groups() {
  std::vector<std::string> names;
  for (const auto& command : all_commands())
    if (!command.hidden && std::ranges::find(names, command.group) == names.end())
      names.push_back(command.group);
  return names;
}

std::string label(const Argument& argument) {
  const std::string name = argument.name + (argument.repeated ? "…" : "");
  return argument.required ? name : "[" + name + "]";
}

std::string label(const Flag& flag) {
  return (flag.letter.empty() ? "    " : flag.letter + ", ") + flag.name +
         (flag.value.empty() ? "" : " " + flag.value);
}

}  // namespace

std::string usage_of(const Command& command) {
  std::string usage = "berth " + command.name;
  if (command.rest) usage += " [options] --";
  for (const auto& argument : command.arguments) usage += " " + label(argument);
  if (!command.rest) usage += " [options]";
  return usage;
}

std::string overview(Style style) {
  std::string text = "Berth: git push a repository, get a live URL.\n\n" +
                     style.paint(Colour::bold, "Usage") + "  berth COMMAND [options]\n";
  for (const auto& group : groups()) {
    Table table;
    for (const auto& command : all_commands())
      if (!command.hidden && command.group == group)
        table.add({Cell(command.name, Colour::cyan), command.summary});
    if (group == roles_group)
      for (const auto& role : roles)
        table.add({Cell(std::string(role.name), Colour::cyan), std::string(role.summary)});
    text += "\n" + style.paint(Colour::bold, group) + "\n" + table.render(style, 0, 2);
  }
  return text +
         "\n'berth COMMAND --help' tells the options of a command and gives an example.\n"
         "The app is -a NAME, else $BERTH_APP, else the git remote \"berth\" of this directory.\n";
}

std::string help_of(const Command& command, Style style) {
  std::string text = command.summary + ".\n\n" + style.paint(Colour::bold, "Usage") + "  " +
                     usage_of(command) + "\n";
  if (!command.arguments.empty()) {
    Table table;
    for (const auto& argument : command.arguments)
      table.add({Cell(argument.name, Colour::cyan), argument.help});
    text += "\n" + style.paint(Colour::bold, "Arguments") + "\n" + table.render(style, 0, 2);
  }
  Table table;
  for (const auto& flag : flags_of(command))
    table.add({Cell(label(flag), Colour::cyan), flag.help});
  text += "\n" + style.paint(Colour::bold, "Options") + "\n" + table.render(style, 0, 2);
  if (!command.details.empty()) text += "\n" + command.details + "\n";
  text += "\n" + style.paint(Colour::bold, "Example") + "\n  $ " + command.example + "\n";
  if (!command.aliases.empty()) {
    text += "\nAlso:";
    for (const auto& alias : command.aliases) text += " " + alias;
    text += "\n";
  }
  return text;
}

std::string reference_page() {
  std::string page =
      "# The command line\n\n"
      "`berth` talks to the [HTTP API](api.md) and nothing else. This page is what `berth --help` "
      "and\n"
      "`berth COMMAND --help` say; a test fails when it differs from the program. Files, "
      "environment\n"
      "and exit codes are in [cli/README.md](../cli/README.md).\n";
  for (const auto& group : groups()) {
    page += "\n## " + group + "\n";
    for (const auto& command : all_commands())
      if (!command.hidden && command.group == group)
        page += "\n### berth " + command.name + "\n\n```\n" + help_of(command, Style{}) + "```\n";
    if (group == roles_group)
      for (const auto& role : roles)
        page +=
            "\n### berth " + std::string(role.name) + "\n\n" + std::string(role.summary) + ".\n";
  }
  return page;
}

}  // namespace berth::cli
