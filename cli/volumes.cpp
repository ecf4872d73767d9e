// SPDX-License-Identifier: Apache-2.0
//
// `berth volumes`: directories of an app that outlive its replicas.
#include <fmt/format.h>

#include <algorithm>

#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/resource.hpp"
#include "cli/session.hpp"
#include "cli/table.hpp"

namespace berth::cli {

namespace {

constexpr std::chrono::minutes copy_limit{60};  ///< of a volume, by the platform

std::string bytes_of(const json::object& object, std::string_view key) {
  return human_bytes(static_cast<std::uint64_t>(std::max<std::int64_t>(0, number(object, key))));
}

/// "2g", as --size takes it.
std::string size_of(const json::object& volume) {
  std::int64_t size = number(volume, "size") >> 20;
  constexpr std::string_view units = "mgt";
  std::size_t unit = 0;
  while (unit + 1 < units.size() && size > 0 && size % 1024 == 0) size /= 1024, ++unit;
  return std::to_string(size) + units[unit];
}

/// "web:/data, worker:/data"
std::string mounts_of(const json::object& volume) {
  std::string text;
  if (const auto* mounts = optional_array(volume, "mounts"))
    for (const auto& value : *mounts)
      if (const auto* mount = value.if_object())
        text += (text.empty() ? "" : ", ") + field(*mount, "process_type") + ":" +
                field(*mount, "path");
  return text;
}

Outcome<json::array> parse_mounts(const std::vector<std::string>& lists) {
  json::array mounts;
  for (const std::string& list : lists)
    for (std::string_view rest = list; !rest.empty();) {
      const std::string_view word = rest.substr(0, rest.find(','));
      rest.remove_prefix(std::min(word.size() + 1, rest.size()));
      const auto colon = word.find(':');
      if (colon == std::string_view::npos || colon == 0)
        return usage_failure("'" + printable(word) + "' is not a process type and a path.",
                             "berth volumes:create data --mount web:/data");
      mounts.push_back(json::object{{"process_type", word.substr(0, colon)},
                                    {"path", word.substr(colon + 1)}});
    }
  return mounts;
}

Outcome<int> list(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::array all, target.api.list(target.path({"volumes"})));
  if (arguments.has("json")) {
    session.print_json(all);
    return 0;
  }
  if (all.empty()) {
    session.note(target.app +
                 " has no volumes.\n→ Try: berth volumes:create data --mount web:/data");
    return 0;
  }
  Table table({"NAME", "SIZE", "ON DISK", "MOUNTS", "FOR", "SNAPSHOTS"});
  for (const auto& value : all) {
    const auto* volume = value.if_object();
    if (!volume) continue;
    const std::string restoring = field(*volume, "restoring");
    const auto snapshots = number(*volume, "snapshots");
    table.add({Cell(field(*volume, "name"), Colour::cyan), size_of(*volume),
               bytes_of(*volume, "used"), mounts_of(*volume),
               optional_bool(*volume, "shared").value_or(false) ? "any number" : "one at a time",
               !restoring.empty() ? Cell("restoring " + restoring, Colour::yellow)
               : snapshots == 0
                   ? Cell("")
                   : Cell(fmt::format("{}, {}", snapshots, bytes_of(*volume, "snapshots_used")))});
  }
  session.print(table.render(session.style(), session.console.columns()));
  return 0;
}

Outcome<int> create(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(json::array mounts, parse_mounts(arguments.list("mount")));
  if (mounts.empty())
    return usage_failure("Say where the volume is to be.",
                         "berth volumes:create data --mount web:/data");
  BERTH_ASSIGN(Target target, session.target(arguments));
  json::object body{{"name", *arguments.text("name")}, {"mounts", std::move(mounts)}};
  if (const auto size = arguments.text("size")) body["size"] = *size;
  if (arguments.has("shared")) body["shared"] = true;
  target.api.set_deadline(copy_limit);
  BERTH_ASSIGN(const json::value answer,
               target.api.send("POST", target.path({"volumes"}), body));
  if (arguments.has("json")) {
    session.print_json(answer);
    return 0;
  }
  const json::object volume = object_or_empty(answer);
  session.print("Created " + printable(field(volume, "name")) + " of " + size_of(volume) +
                " at " + printable(mounts_of(volume)) + "\n");
  return 0;
}

Outcome<int> resize(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(Target target, session.target(arguments));
  target.api.set_deadline(copy_limit);
  BERTH_ASSIGN(const json::value answer,
               target.api.send("PATCH", target.path({"volumes", *arguments.text("name")}),
                               json::object{{"size", *arguments.text("size")}}));
  if (arguments.has("json")) {
    session.print_json(answer);
    return 0;
  }
  const json::object volume = object_or_empty(answer);
  session.print(printable(field(volume, "name")) + " has " + size_of(volume) + " now\n");
  return 0;
}

/// Its name again, given or typed.
Outcome<void> confirm(Session& session, const Arguments& arguments, const Target& target,
                      const std::string& name) {
  std::string typed = arguments.text("confirm").value_or("");
  if (typed.empty()) {
    if (!session.console.in_is_terminal())
      return usage_failure("Destroying the volume " + printable(name) +
                               " needs its name as confirmation.",
                           "berth volumes:destroy " + printable(name) + " --confirm " +
                               printable(name) + " -a " + target.app);
    session.console.err(fmt::format(
        "This destroys the volume {} of {}: what it holds, and its snapshots.\n"
        "Type its name to go on: ",
        session.error_style().paint(Colour::red, printable(name)), target.app));
    typed = session.console.read_line(true).value_or("");
  }
  if (typed == name) return {};
  return failed("'" + printable(typed) + "' is not '" + printable(name) +
                "'; nothing was destroyed.");
}

Outcome<int> destroy(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  const std::string name = *arguments.text("name");
  BERTH_TRY(confirm(session, arguments, target, name));
  BERTH_ASSIGN(const json::value answer,
               target.api.send("DELETE", target.path({"volumes", name}), nullptr));
  if (arguments.has("json"))
    session.print_json(answer);
  else
    session.print("Destroyed the volume " + printable(name) + " of " + target.app + "\n");
  return 0;
}

Outcome<int> snapshot(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(Target target, session.target(arguments));
  target.api.set_deadline(copy_limit);
  const std::string name = *arguments.text("name");
  json::object body;
  if (const auto text = arguments.text("description")) body["description"] = *text;
  BERTH_ASSIGN(const json::value answer,
               target.api.send("POST", target.path({"volumes", name, "snapshots"}), body));
  if (arguments.has("json")) {
    session.print_json(answer);
    return 0;
  }
  const json::object made = object_or_empty(answer);
  session.print("Made snapshot " + printable(field(made, "name")) + " of " + printable(name) +
                ": " + bytes_of(made, "used") + "\n");
  return 0;
}

Outcome<int> snapshots(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  const std::string name = *arguments.text("name");
  BERTH_ASSIGN(const json::array all,
               target.api.list(target.path({"volumes", name, "snapshots"})));
  if (arguments.has("json")) {
    session.print_json(all);
    return 0;
  }
  if (all.empty())
    session.note(printable(name) + " has no snapshots.\n→ Try: berth volumes:snapshot " +
                 printable(name));
  Table table({"SNAPSHOT", "MADE", "ON DISK", "DESCRIPTION"});
  for (const auto& value : all)
    if (const auto* entry = value.if_object())
      table.add({Cell(field(*entry, "name"), Colour::cyan), session.ago(*entry, "created_at"),
                 bytes_of(*entry, "used"), field(*entry, "description")});
  if (!table.empty()) session.print(table.render(session.style(), session.console.columns()));
  return 0;
}

Outcome<int> remove_snapshot(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  const std::string name = *arguments.text("name");
  const std::string which = *arguments.text("snapshot");
  BERTH_ASSIGN(const json::value answer,
               target.api.send("DELETE", target.path({"volumes", name, "snapshots", which}),
                               nullptr));
  if (arguments.has("json"))
    session.print_json(answer);
  else
    session.print("Removed snapshot " + printable(field(object_or_empty(answer), "name")) +
                  " of " + printable(name) + "\n");
  return 0;
}

Outcome<int> restore(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(Target target, session.target(arguments));
  target.api.set_deadline(copy_limit);
  const std::string name = *arguments.text("name");
  const std::string which = *arguments.text("snapshot");
  BERTH_ASSIGN(const json::value answer,
               target.api.send("POST", target.path({"volumes", name, "actions", "restore"}),
                               json::object{{"snapshot", which}}));
  if (arguments.has("json")) {
    session.print_json(answer);
    return 0;
  }
  session.print("Restored " + printable(name) + " of " + target.app + " from " +
                printable(which) + "\n");
  session.note("What it held is a snapshot too: berth volumes:snapshots " + printable(name));
  return 0;
}

Argument name_of_volume() {
  return {.name = "NAME", .help = "A volume, as `berth volumes` names it", .required = true};
}

Argument name_of_snapshot() {
  return {.name = "SNAPSHOT",
          .help = "A snapshot, as `berth volumes:snapshots` names it",
          .required = true};
}

std::vector<Command> commands_of_volumes() {
  return {
      {.name = "volumes",
       .group = "Volumes",
       .summary = "Show the app's volumes, what they take and who has them",
       .example = "berth volumes",
       .for_app = true,
       .json = true,
       .aliases = {"volumes:list", "storage", "storage:list"},
       .run = list},
      {.name = "volumes:create",
       .group = "Volumes",
       .summary = "Make a volume, which keeps its files across releases and restarts",
       .example = "berth volumes:create data --mount web:/data --size 2g",
       .arguments = {{.name = "NAME", .help = "Its name, for example data", .required = true}},
       .flags = {{.name = "--mount",
                  .value = "TYPE:PATH",
                  .help = "A process type and where its replicas have it; several with commas. "
                          "run: one-offs and cron jobs",
                  .repeated = true},
                 {.name = "--size", .value = "SIZE", .help = "500m, 20g and so on (1g)"},
                 {.name = "--shared",
                  .help = "Any number of replicas have it at a time; otherwise one"}},
       .for_app = true,
       .json = true,
       .details = "Without --shared one replica has it at a time: its process type has one at "
                  "most, and a release ends the old one before it starts the new, while requests "
                  "wait. Replicas of its process types are started anew with it.",
       .run = create},
      {.name = "volumes:resize",
       .group = "Volumes",
       .summary = "Grow a volume, at once and while it is in use",
       .example = "berth volumes:resize data 10g",
       .arguments = {name_of_volume(),
                     {.name = "SIZE", .help = "Its new size, for example 10g", .required = true}},
       .for_app = true,
       .json = true,
       .run = resize},
      {.name = "volumes:destroy",
       .group = "Volumes",
       .summary = "Destroy a volume, what it holds and its snapshots",
       .example = "berth volumes:destroy data --confirm data",
       .arguments = {name_of_volume()},
       .flags = {{.name = "--confirm",
                  .value = "NAME",
                  .help = "The volume's name again; asked for if not given"}},
       .for_app = true,
       .json = true,
       .run = destroy},
  };
}

std::vector<Command> commands_of_snapshots() {
  return {
      {.name = "volumes:snapshot",
       .group = "Volumes",
       .summary = "Make a snapshot of what a volume holds",
       .example = "berth volumes:snapshot data --description 'before the import'",
       .arguments = {name_of_volume()},
       .flags = {{.name = "--description", .value = "TEXT", .help = "What it is for"}},
       .for_app = true,
       .json = true,
       .details = "As if the power had failed at one moment: what programs have written is in it, "
                  "and databases recover from it. Writes wait until it is made.",
       .run = snapshot},
      {.name = "volumes:snapshots",
       .group = "Volumes",
       .summary = "Show the snapshots of a volume, newest first",
       .example = "berth volumes:snapshots data",
       .arguments = {name_of_volume()},
       .for_app = true,
       .json = true,
       .run = snapshots},
      {.name = "volumes:snapshots:destroy",
       .group = "Volumes",
       .summary = "Remove a snapshot",
       .example = "berth volumes:snapshots:destroy data s1",
       .arguments = {name_of_volume(), name_of_snapshot()},
       .for_app = true,
       .json = true,
       .run = remove_snapshot},
      {.name = "volumes:restore",
       .group = "Volumes",
       .summary = "Put back what a volume held when a snapshot was made",
       .example = "berth volumes:restore data s1",
       .arguments = {name_of_volume(), name_of_snapshot()},
       .for_app = true,
       .json = true,
       .details = "Its replicas are stopped before and started after; requests wait. What the "
                  "volume held becomes a snapshot first.",
       .run = restore},
  };
}

}  // namespace

std::vector<Command> volume_commands() {
  std::vector<Command> all = commands_of_volumes();
  for (Command& command : commands_of_snapshots()) all.push_back(std::move(command));
  return all;
}

}  // namespace berth::cli
