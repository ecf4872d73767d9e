// SPDX-License-Identifier: Apache-2.0
//
// `berth checks`: the health checks of app.json, and what they came to.
#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/resource.hpp"
#include "cli/session.hpp"
#include "cli/table.hpp"

namespace berth::cli {

namespace {

/// "web readiness: GET /ready  · 3 attempts, 5 s apart"
std::string heading(Style style, const json::object& check) {
  const std::string what = field(check, "what");
  const std::string name = field(check, "name");
  std::string text = style.paint(Colour::bold, printable(field(check, "process_type")) + " " +
                                                   field(check, "type")) +
                     ": " + printable(what);
  if (name != what) text += " (" + printable(name) + ")";
  text += style.paint(Colour::dim,
                      fmt::format("  · {} attempts, {:g} s apart", number(check, "attempts"),
                                  optional_double(check, "wait").value_or(0)));
  return text + "\n";
}

Outcome<int> checks(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::array all, target.api.list(target.path({"health-checks"})));
  if (arguments.has("json")) {
    session.print_json(all);
    return 0;
  }
  if (all.empty())
    session.note(target.app +
                 " has no health checks: a web replica is ready when it listens.\n"
                 "→ Try: \"healthchecks\" in app.json");
  for (const auto& value : all) {
    const auto* check = value.if_object();
    if (!check) continue;
    session.print(heading(session.style(), *check));
    Table table;
    if (const auto* replicas = optional_array(*check, "replicas"))
      for (const auto& entry : *replicas)
        if (const auto* replica = entry.if_object()) {
          const std::string state = field(*replica, "state");
          table.add({Cell(field(*replica, "name"), Colour::cyan),
                     Cell(state, colour_of_state(state)), session.ago(*replica, "answered_at"),
                     field(*replica, "answer")});
        }
    session.print(table.empty()
                      ? "  " + session.style().paint(Colour::dim, "no replica runs") + "\n"
                      : table.render(session.style(), session.console.columns(), 2));
  }
  return 0;
}

}  // namespace

std::vector<Command> check_commands() {
  return {
      {.name = "checks",
       .group = "Processes",
       .summary = "Show the health checks of app.json and what they came to",
       .example = "berth checks",
       .for_app = true,
       .json = true,
       .aliases = {"checks:report"},
       .run = checks},
  };
}

}  // namespace berth::cli
