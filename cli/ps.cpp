// SPDX-License-Identifier: Apache-2.0
//
// The replicas of an app: show, restart, stop.
#include <fmt/format.h>

#include <algorithm>

#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/resource.hpp"
#include "cli/scale.hpp"
#include "cli/session.hpp"
#include "cli/table.hpp"

namespace berth::cli {

namespace {

/// "web (2): npm start  · 0–5 replicas at 20 requests/s each"
std::string heading(Style style, const json::object& process) {
  std::string text = style.paint(Colour::bold, printable(field(process, "type"))) +
                     fmt::format(" ({})", number(process, "quantity"));
  if (const auto command = field(process, "command"); !command.empty())
    text += ": " + printable(command);
  if (const auto* policy = optional_object(process, "autoscaling"))
    text += style.paint(Colour::dim, "  · autoscales " + policy_text(*policy));
  return text + "\n";
}

std::string lines_of_type(Session& session, const json::array& dynos, const std::string& type,
                          const std::string& note_if_none) {
  Table table;
  for (const auto& value : dynos) {
    const auto* dyno = value.if_object();
    if (!dyno || field(*dyno, "type") != type) continue;
    const std::string state = field(*dyno, "state");
    const auto* release = optional_object(*dyno, "release");
    std::string detail = field(*dyno, "message");
    // A one-off has no formation that would show its command.
    if (type == "run" && detail.empty()) detail = field(*dyno, "command");
    table.add({Cell(field(*dyno, "name"), Colour::cyan), Cell(state, colour_of_state(state)),
               release ? version_text(*release, "version") : "", session.ago(*dyno, "updated_at"),
               detail});
  }
  if (table.empty()) return "  " + session.style().paint(Colour::dim, note_if_none) + "\n";
  return table.render(session.style(), session.console.columns(), 2);
}

Outcome<int> ps(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::array dynos, target.api.list(target.path({"dynos"})));
  if (arguments.has("json")) {
    session.print_json(dynos);
    return 0;
  }
  BERTH_ASSIGN(const json::array formation, target.api.list(target.path({"formation"})));
  std::vector<std::string> shown;
  std::string text;
  for (const auto& value : formation) {
    const auto* process = value.if_object();
    if (!process) continue;
    const std::string type = field(*process, "type");
    shown.push_back(type);
    const bool scales = optional_object(*process, "autoscaling") != nullptr;
    text += heading(session.style(), *process) +
            lines_of_type(session, dynos, type,
                          scales ? "asleep; the next request wakes it" : "no replicas");
  }
  for (const auto& value : dynos) {
    const auto* dyno = value.if_object();
    const std::string type = dyno ? field(*dyno, "type") : "";
    if (!dyno || std::ranges::find(shown, type) != shown.end()) continue;
    shown.push_back(type);
    text += session.style().paint(Colour::bold, printable(type)) + "\n" +
            lines_of_type(session, dynos, type, "");
  }
  session.print(text);
  if (text.empty())
    session.note("Nothing of " + target.app +
                 " runs yet: it has no release.\n→ Try: " + "git push berth main");
  return 0;
}

/// "web.1" is a replica, "web" a process type.
std::string path_of(const Target& target, const std::string& which) {
  if (which.empty()) return target.path({"dynos"});
  return which.find('.') != std::string::npos ? target.path({"dynos", which})
                                              : target.path({"formations", which});
}

Outcome<int> restart(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  const std::string which = arguments.text("which").value_or("");
  BERTH_ASSIGN(const json::value answer,
               target.api.send("DELETE", path_of(target, which), nullptr));
  if (arguments.has("json")) {
    session.print_json(answer);
    return 0;
  }
  session.print("Restarting " + (which.empty() ? "all of " : printable(which) + " of ") +
                target.app + "\n");
  session.note("→ Next: berth ps -a " + target.app);
  return 0;
}

Outcome<int> stop(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  const std::string name = *arguments.text("name");
  if (name.find('.') == std::string::npos)
    return usage_failure("'" + printable(name) + "' is no replica, such as web.1.",
                         "berth ps:scale " + printable(name) + "=0, to stop a process type");
  BERTH_ASSIGN(const json::value answer,
               target.api.send("POST", target.path({"dynos", name, "actions", "stop"}), nullptr));
  if (arguments.has("json"))
    session.print_json(answer);
  else
    session.print("Stopping " + printable(name) + " of " + target.app + "\n");
  return 0;
}

}  // namespace

std::vector<Command> process_commands() {
  return {
      {.name = "ps",
       .group = "Processes",
       .summary = "Show the replicas by process type, with state, age and release",
       .example = "berth ps -a hello",
       .for_app = true,
       .json = true,
       .run = ps},
      {.name = "ps:restart",
       .group = "Processes",
       .summary = "Replace replicas by new ones, without dropping a request",
       .example = "berth ps:restart web.1",
       .arguments = {{.name = "WHICH",
                      .help = "A replica (web.1) or a process type (web); all if not given",
                      .names = Names::process_type}},
       .for_app = true,
       .json = true,
       .aliases = {"restart", "dyno:restart"},
       .run = restart},
      {.name = "ps:stop",
       .group = "Processes",
       .summary = "Stop one replica; the formation starts another in its place",
       .example = "berth ps:stop run.1234",
       .arguments = {{.name = "NAME", .help = "A replica, such as run.1234", .required = true}},
       .for_app = true,
       .json = true,
       .details = "A web replica finishes its requests first, for 30 seconds at most\n"
                  "(runtime.drain_timeout); another ps:stop ends it at once. A one-off\n"
                  "(berth run) is gone for good.",
       .aliases = {"stop", "dyno:stop"},
       .run = stop},
  };
}

}  // namespace berth::cli
