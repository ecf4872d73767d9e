// SPDX-License-Identifier: Apache-2.0
//
// Releases: list, show, roll back.
#include <fmt/format.h>

#include <algorithm>

#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/resource.hpp"
#include "cli/session.hpp"
#include "cli/table.hpp"

namespace berth::cli {

namespace {

constexpr int shown_releases = 15;

std::string state_of(const json::object& release) {
  const bool current = optional_bool(release, "current").value_or(false);
  const std::int64_t canary = number(release, "canary");
  return current      ? "current"
         : canary > 0 ? fmt::format("canary {}%", canary)
                      : field(release, "status");
}

/// "v3" and "3" are the same; an id stays as it is.
std::string version_of(const std::string& word) {
  const bool prefixed = word.size() > 1 && word.front() == 'v' &&
                        word.find_first_not_of("0123456789", 1) == std::string::npos;
  return prefixed ? word.substr(1) : word;
}

std::string newest_first(int count) { return fmt::format("version ..; max={}, order=desc", count); }

Outcome<int> list(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::array releases,
               target.api.list(target.path({"releases"}),
                               newest_first(arguments.number("num").value_or(shown_releases))));
  if (arguments.has("json")) {
    session.print_json(releases);
    return 0;
  }
  if (releases.empty()) {
    session.note(target.app + " has no releases yet.\n→ Try: git push berth main");
    return 0;
  }
  Table table({"RELEASE", "STATUS", "BY", "WHEN", "DESCRIPTION"});
  for (const auto& value : releases) {
    const auto* release = value.if_object();
    if (!release) continue;
    const std::string state = state_of(*release);
    const std::string message = field(*release, "message");
    table.add({Cell(version_text(*release, "version"), Colour::cyan),
               Cell(state, colour_of_state(state)), field(*release, "user", "email"),
               session.ago(*release, "created_at"),
               field(*release, "description") + (message.empty() ? "" : ": " + message)});
  }
  session.print(table.render(session.style(), session.console.columns()));
  return 0;
}

Outcome<json::object> one_release(const Target& target, const std::string& word) {
  if (!word.empty()) return target.api.get_object(target.path({"releases", version_of(word)}));
  BERTH_ASSIGN(const json::array newest,
               target.api.list(target.path({"releases"}), newest_first(1)));
  if (newest.empty()) return failed(target.app + " has no releases yet.", "git push berth main");
  return object_or_empty(newest.front());
}

Outcome<int> info(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::object release,
               one_release(target, arguments.text("release").value_or("")));
  if (arguments.has("json")) {
    session.print_json(release);
    return 0;
  }
  const std::string state = state_of(release);
  Fields fields;
  fields.add("Status", Cell(state, colour_of_state(state)));
  fields.add("Why", field(release, "description"));
  fields.add("Message", field(release, "message"));
  fields.add("By", field(release, "user", "email"));
  fields.add("When", session.ago(release, "created_at"));
  fields.add("Commit", field(release, "commit"));
  fields.add("Image", field(release, "image"));
  if (const auto* processes = optional_object(release, "processes"))
    for (const auto& [type, command] : *processes)
      if (command.is_string()) fields.add(std::string(type), std::string(command.get_string()));
  session.print(session.style().paint(
                    Colour::bold, printable(target.app) + " " + version_text(release, "version")) +
                "\n" + fields.render(session.style()));
  return 0;
}

/// The release to return to: the one named, else the newest that may be and is not the current.
Outcome<std::string> rollback_target(const Target& target, const std::string& word) {
  if (!word.empty()) return version_of(word);
  BERTH_ASSIGN(const json::array releases,
               target.api.list(target.path({"releases"}), newest_first(200)));
  for (const auto& value : releases) {
    const auto* release = value.if_object();
    if (!release || optional_bool(*release, "current").value_or(false)) continue;
    if (optional_bool(*release, "eligible_for_rollback").value_or(false))
      return field(*release, "id");
  }
  return failed(target.app + " has no earlier release that ran.",
                "berth releases -a " + target.app);
}

Outcome<int> rollback(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const std::string which,
               rollback_target(target, arguments.text("release").value_or("")));
  // The API reads "v2" or an id.
  const bool is_version = which.find_first_not_of("0123456789") == std::string::npos;
  BERTH_ASSIGN(const json::value made,
               target.api.send("POST", target.path({"releases"}),
                               json::object{{"release", is_version ? "v" + which : which}}));
  if (arguments.has("json")) {
    session.print_json(made);
    return 0;
  }
  const json::object release = object_or_empty(made);
  session.print(fmt::format("{}: {} ({})\n", target.app, version_text(release, "version"),
                            printable(field(release, "description"))));
  if (field(release, "status") == "pending")
    session.note("→ Next: berth releases -a " + target.app + ", to see it become current");
  return 0;
}

}  // namespace

std::vector<Command> release_commands() {
  const Argument which{.name = "RELEASE", .help = "v3 or an id; the newest if not given"};
  return {
      {.name = "releases",
       .group = "Config and releases",
       .summary = "List the releases, newest first",
       .example = "berth releases -n 5",
       .flags = {{.name = "--num",
                  .letter = "-n",
                  .value = "COUNT",
                  .help = "How many (15)",
                  .at_least = 1}},
       .for_app = true,
       .json = true,
       .run = list},
      {.name = "releases:info",
       .group = "Config and releases",
       .summary = "Show one release: image, commit, processes",
       .example = "berth releases:info v3",
       .arguments = {which},
       .for_app = true,
       .json = true,
       .run = info},
      {.name = "rollback",
       .group = "Config and releases",
       .summary = "Make a new release from an old one: its image and its config vars",
       .example = "berth rollback v2",
       .arguments = {{.name = "RELEASE", .help = "v2 or an id; the one before if not given"}},
       .for_app = true,
       .json = true,
       .aliases = {"releases:rollback"},
       .run = rollback},
  };
}

}  // namespace berth::cli
