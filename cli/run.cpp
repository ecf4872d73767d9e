// SPDX-License-Identifier: Apache-2.0
//
// `berth run`: a one-off replica of the current release, attached to this terminal or detached. And
// `berth ps:exec`: a command in a replica that runs.
#include "cli/attach.hpp"
#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/resource.hpp"
#include "cli/session.hpp"
#include "cli/shell_quote.hpp"
#include "cli/terminal.hpp"

namespace berth::cli {

namespace {

/// The best that there is.
constexpr std::string_view shell = "exec $(command -v bash || echo sh)";

Outcome<json::object> environment_of(Session& session, const Arguments& arguments, bool terminal) {
  BERTH_ASSIGN(json::object given, arguments.pairs("env", "berth run -e NAME=VALUE -- COMMAND"));
  json::object env;
  if (terminal) {
    const TerminalSize size = terminal_size(0);
    env["COLUMNS"] = std::to_string(size.columns);
    env["LINES"] = std::to_string(size.rows);
    if (const auto type = session.environment.variable("TERM"); !type.empty()) env["TERM"] = type;
  }
  for (auto& [name, value] : given) env[name] = std::move(value);
  return env;
}

Outcome<int> run_one_off(Session& session, const Arguments& arguments) {
  const bool detached = arguments.has("detached");
  const bool terminal = !detached && !arguments.has("no-tty") && session.console.in_is_terminal() &&
                        session.console.out_is_terminal();
  BERTH_ASSIGN(json::object env, environment_of(session, arguments, terminal));
  json::object body{{"command", shell_command(arguments.list("command"))}, {"attach", !detached}};
  body["env"] = std::move(env);
  if (!terminal) body["force_no_tty"] = true;
  if (const auto size = arguments.text("size")) body["size"] = *size;

  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::value made, target.api.send("POST", target.path({"dynos"}), body));
  const json::object dyno = object_or_empty(made);
  const std::string name = printable(field(dyno, "name"));
  if (detached) {
    if (arguments.has("json"))
      session.print_json(made);
    else
      session.print(name + "\n");
    session.note("→ Next: berth logs --tail -p " + name + " -a " + target.app);
    return 0;
  }
  const std::string url = field(dyno, "attach_url");
  if (url.empty())
    return failed("The platform started " + name + " but gave no address to attach to.",
                  "berth run --detached");
  if (terminal) session.note(session.error_style().paint(Colour::dim, "Running " + name));
  auto code = attach({.url = url, .terminal = terminal});
  if (code.has_error() && code.error().next.empty()) {
    Failure failure = code.error();
    failure.next = "berth ps -a " + target.app + ", to see whether " + name + " still runs";
    return failure;
  }
  return code;
}

/// Without a name, the first web replica that is up; else the first of any type.
Outcome<std::string> replica_to_enter(const Target& target, const Arguments& arguments) {
  if (const auto named = arguments.text("replica")) return *named;
  BERTH_ASSIGN(const json::array dynos, target.api.list(target.path({"dynos"})));
  std::string found;
  for (const auto& value : dynos) {
    const auto* dyno = value.if_object();
    if (!dyno || field(*dyno, "state") != "up" || field(*dyno, "type") == "run") continue;
    if (field(*dyno, "type") == "web") return field(*dyno, "name");
    if (found.empty()) found = field(*dyno, "name");
  }
  if (!found.empty()) return found;
  return failed("No replica of " + target.app + " is up.", "berth ps -a " + target.app);
}

Outcome<int> exec(Session& session, const Arguments& arguments) {
  const bool terminal = !arguments.has("no-tty") && session.console.in_is_terminal() &&
                        session.console.out_is_terminal();
  BERTH_ASSIGN(json::object env, environment_of(session, arguments, terminal));
  const auto words = arguments.list("command");
  json::object body{{"command", words.empty() ? std::string(shell) : shell_command(words)}};
  body["env"] = std::move(env);
  if (!terminal) body["force_no_tty"] = true;
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const std::string name, replica_to_enter(target, arguments));
  BERTH_ASSIGN(const json::value made,
               target.api.send("POST", target.path({"dynos", name, "actions", "exec"}), body));
  const std::string url = field(object_or_empty(made), "attach_url");
  if (terminal) session.note(session.error_style().paint(Colour::dim, "In " + printable(name)));
  auto code = attach({.url = url, .terminal = terminal});
  if (code.has_error() && code.error().next.empty()) {
    Failure failure = code.error();
    failure.next = "berth ps -a " + target.app + ", to see whether " + printable(name) + " runs";
    return failure;
  }
  return code;
}

}  // namespace

std::vector<Command> run_commands() {
  return {
      {.name = "ps:exec",
       .group = "Processes",
       .summary = "Run a command, or a shell, in a replica that runs",
       .example = "berth ps:exec -r web.2 -- ls -l /tmp",
       .arguments = {{.name = "COMMAND",
                      .help = "As of `berth run`; a shell if not given",
                      .repeated = true}},
       .flags = {{.name = "--replica",
                  .letter = "-r",
                  .value = "NAME",
                  .help = "Which one, such as web.2 (the first web replica that is up)"},
                 {.name = "--no-tty", .help = "No terminal: input and output as they are"},
                 {.name = "--env",
                  .letter = "-e",
                  .value = "NAME=VALUE",
                  .help = "A further variable; may stand more than once",
                  .repeated = true}},
       .for_app = true,
       .rest = true,
       .details = "The command shares the replica's memory and processors, and ends with the "
                  "replica or with this connection. The exit code is the command's own.",
       .aliases = {"dyno:exec", "enter"},
       .run = exec},
      {.name = "run",
       .group = "Processes",
       .summary = "Run a command in a one-off replica of the app",
       .example = "berth run -- python manage.py migrate",
       .arguments = {{.name = "COMMAND",
                      .help = "One word is a line for the shell; several are the program and its "
                              "arguments, as they stand",
                      .required = true,
                      .repeated = true}},
       .flags = {{.name = "--detached",
                  .letter = "-d",
                  .help = "Print its name and leave it running"},
                 {.name = "--no-tty", .help = "No terminal: input and output as they are"},
                 {.name = "--env",
                  .letter = "-e",
                  .value = "NAME=VALUE",
                  .help = "A further variable; may stand more than once",
                  .repeated = true},
                 {.name = "--size", .value = "SIZE", .help = "Its size, of the platform's sizes"}},
       .for_app = true,
       .json = true,
       .rest = true,
       .details = "The exit code is the command's own. --json is for --detached.",
       .run = run_one_off},
  };
}

}  // namespace berth::cli
