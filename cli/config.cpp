// SPDX-License-Identifier: Apache-2.0
//
// Config vars: show, get, set, unset. A change makes a release.
#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/resource.hpp"
#include "cli/session.hpp"
#include "cli/shell_quote.hpp"
#include "cli/table.hpp"

namespace berth::cli {

namespace {

std::string text_of(const json::value& value) {
  return value.is_string() ? std::string(value.get_string()) : to_text(value);
}

Outcome<int> show(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::object vars, target.api.get_object(target.path({"config-vars"})));
  if (arguments.has("json")) {
    session.print_json(vars);
    return 0;
  }
  if (vars.empty()) {
    session.note(target.app + " has no config vars.\n→ Try: berth config:set NAME=VALUE");
    return 0;
  }
  Table table;
  std::string shell;
  for (const auto& [name, value] : vars) {
    table.add({Cell(std::string(name), Colour::cyan), text_of(value)});
    shell += std::string(name) + "=" + shell_quote(text_of(value)) + "\n";
  }
  session.print(arguments.has("shell") ? shell : table.render(session.style()));
  return 0;
}

Outcome<int> get(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::object vars, target.api.get_object(target.path({"config-vars"})));
  const std::string name = *arguments.text("name");
  const auto* value = vars.if_contains(name);
  if (!value)
    return failed(target.app + " has no config var " + printable(name) + ".",
                  "berth config -a " + target.app);
  if (arguments.has("json"))
    session.print_json(json::object{{name, *value}});
  else
    session.print(text_of(*value) + "\n");
  return 0;
}

Outcome<int> change(Session& session, const Arguments& arguments, const Target& target,
                    const json::object& changes, std::string_view done) {
  BERTH_ASSIGN(const json::value vars,
               target.api.send("PATCH", target.path({"config-vars"}), changes));
  if (arguments.has("json")) {
    session.print_json(vars);
    return 0;
  }
  std::string names;
  for (const auto& [name, value] : changes)
    names += (names.empty() ? "" : ", ") + std::string(name);
  // An app that was never pushed has no release, and a change that changes nothing makes none.
  const auto releases = target.api.list(target.path({"releases"}), "version ..; max=1, order=desc");
  std::string release;
  if (releases && !releases->empty())
    release = version_text(object_or_empty(releases->front()), "version");
  session.print(fmt::format("{} {} of {}{}\n", done, printable(names), target.app,
                            release.empty() ? "" : "; the release is " + release));
  return 0;
}

Outcome<int> set(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const json::object changes,
               arguments.pairs("name=value", "berth config:set GREETING=hello"));
  BERTH_ASSIGN(const Target target, session.target(arguments));
  return change(session, arguments, target, changes, "Set");
}

Outcome<int> unset(Session& session, const Arguments& arguments) {
  json::object changes;
  for (const auto& name : arguments.list("name")) {
    if (name.find('=') != std::string::npos)
      return usage_failure("'" + printable(name) + "' is more than a name.",
                           "berth config:unset " + printable(name.substr(0, name.find('='))));
    changes[name] = nullptr;
  }
  BERTH_ASSIGN(const Target target, session.target(arguments));
  return change(session, arguments, target, changes, "Removed");
}

}  // namespace

std::vector<Command> config_commands() {
  return {
      {.name = "config",
       .group = "Config and releases",
       .summary = "Show the config vars",
       .example = "berth config --shell > .env",
       .flags = {{.name = "--shell", .letter = "-s", .help = "NAME='value' lines for a shell"}},
       .for_app = true,
       .json = true,
       .run = show},
      {.name = "config:get",
       .group = "Config and releases",
       .summary = "Print the value of one config var",
       .example = "berth config:get DATABASE_URL",
       .arguments = {{.name = "NAME", .help = "A config var", .required = true}},
       .for_app = true,
       .json = true,
       .run = get},
      {.name = "config:set",
       .group = "Config and releases",
       .summary = "Set config vars; makes a release",
       .example = "berth config:set GREETING='hello world' LOG_LEVEL=debug",
       .arguments =
           {{.name = "NAME=VALUE", .help = "One or more", .required = true, .repeated = true}},
       .for_app = true,
       .json = true,
       .aliases = {"config:add"},
       .run = set},
      {.name = "config:unset",
       .group = "Config and releases",
       .summary = "Remove config vars; makes a release",
       .example = "berth config:unset GREETING",
       .arguments = {{.name = "NAME", .help = "One or more", .required = true, .repeated = true}},
       .for_app = true,
       .json = true,
       .aliases = {"config:remove"},
       .run = unset},
  };
}

}  // namespace berth::cli
