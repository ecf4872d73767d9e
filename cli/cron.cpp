// SPDX-License-Identifier: Apache-2.0
//
// `berth cron`: the cron jobs of app.json, when they run and what became of it.
#include <fmt/format.h>

#include <algorithm>

#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/resource.hpp"
#include "cli/session.hpp"
#include "cli/table.hpp"

namespace berth::cli {

namespace {

constexpr int shown_runs = 20;
constexpr int most_runs = 1000;  ///< that the platform keeps

/// "succeeded 3 min ago", or nothing.
Cell last_run(const Session& session, const json::object& job) {
  const auto* run = optional_object(job, "last_run");
  if (!run) return "";
  const std::string status = field(*run, "status");
  const std::string at = session.ago(*run, status == "running" ? "started_at" : "ended_at");
  return {status + " " + at, colour_of_state(status)};
}

Outcome<int> cron(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::array all, target.api.list(target.path({"cron-jobs"})));
  if (arguments.has("json")) {
    session.print_json(all);
    return 0;
  }
  if (all.empty()) {
    session.note(target.app + " has no cron jobs.\n→ Try: \"cron\" in app.json, then git push");
    return 0;
  }
  Table table({"NAME", "SCHEDULE", "NEXT RUN", "LAST RUN", "COMMAND"});
  for (const auto& value : all) {
    const auto* job = value.if_object();
    if (!job) continue;
    const std::string zone = field(*job, "timezone");
    const bool suspended = optional_bool(*job, "suspended").value_or(false);
    table.add({Cell(field(*job, "name"), Colour::cyan),
               field(*job, "schedule") + (zone == "UTC" ? "" : " " + zone),
               suspended ? Cell("suspended", Colour::yellow) : session.ago(*job, "next_run_at"),
               last_run(session, *job), field(*job, "command")});
  }
  session.print(table.render(session.style(), session.console.columns()));
  return 0;
}

Outcome<int> run(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  const std::string name = *arguments.text("name");
  BERTH_ASSIGN(const json::value answer,
               target.api.send("POST", target.path({"cron-jobs", name, "actions", "run"}),
                               json::object{}));
  if (arguments.has("json")) {
    session.print_json(answer);
    return 0;
  }
  const std::string process = printable(field(object_or_empty(answer), "process"));
  session.print("Running " + printable(name) + " of " + target.app + " as " + process + "\n");
  session.note("→ Next: berth logs --tail -p " + process + " -a " + target.app);
  return 0;
}

Outcome<int> set_suspended(Session& session, const Arguments& arguments, bool suspended) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  const std::string name = *arguments.text("name");
  BERTH_ASSIGN(const json::value answer,
               target.api.send("PATCH", target.path({"cron-jobs", name}),
                               json::object{{"suspended", suspended}}));
  if (arguments.has("json")) {
    session.print_json(answer);
    return 0;
  }
  session.print((suspended ? "Suspended " : "Resumed ") + printable(name) + " of " + target.app +
                (suspended ? "" : "; it runs next " +
                                      session.ago(object_or_empty(answer), "next_run_at")) +
                "\n");
  return 0;
}

Outcome<int> suspend(Session& session, const Arguments& arguments) {
  return set_suspended(session, arguments, true);
}

Outcome<int> resume(Session& session, const Arguments& arguments) {
  return set_suspended(session, arguments, false);
}

Outcome<int> history(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  const std::string name = arguments.text("name").value_or("");
  const int most = std::min(arguments.number("number").value_or(shown_runs), most_runs);
  BERTH_ASSIGN(const json::array runs,
               target.api.list(name.empty() ? target.path({"cron-runs"})
                                            : target.path({"cron-jobs", name, "runs"}),
                               fmt::format("id ..; max={}, order=desc", most)));
  if (arguments.has("json")) {
    session.print_json(runs);
    return 0;
  }
  if (runs.empty()) session.note("No cron job of " + target.app + " has run yet.");
  Table table({"JOB", "STARTED", "STATUS", "TOOK", "WHY"});
  for (const auto& value : runs) {
    const auto* entry = value.if_object();
    if (!entry) continue;
    const std::string status = field(*entry, "status");
    const auto took = optional_double(*entry, "seconds");
    const std::string user = field(*entry, "user");
    const std::string reason = field(*entry, "reason");
    table.add({Cell(field(*entry, "job"), Colour::cyan), session.ago(*entry, "started_at"),
               Cell(status, colour_of_state(status)),
               took && status != "skipped" ? fmt::format("{:.0f} s", *took) : "",
               reason + (user.empty() ? "" : (reason.empty() ? "" : "; ") + ("by " + user))});
  }
  if (!table.empty()) session.print(table.render(session.style(), session.console.columns()));
  return 0;
}

}  // namespace

std::vector<Command> cron_commands() {
  const Argument name = {.name = "NAME", .help = "A job, as `berth cron` names it",
                         .required = true};
  return {
      {.name = "cron",
       .group = "Processes",
       .summary = "Show the cron jobs of app.json, when each runs next and how it ended last",
       .example = "berth cron",
       .for_app = true,
       .json = true,
       .aliases = {"cron:list", "cron:report"},
       .run = cron},
      {.name = "cron:run",
       .group = "Processes",
       .summary = "Run a cron job now, beside its schedule",
       .example = "berth cron:run nightly-report",
       .arguments = {name},
       .for_app = true,
       .json = true,
       .run = run},
      {.name = "cron:suspend",
       .group = "Processes",
       .summary = "Run a cron job no more until it is resumed",
       .example = "berth cron:suspend nightly-report",
       .arguments = {name},
       .for_app = true,
       .json = true,
       .details = "It stays so across releases, whatever app.json says. A run under way goes on.",
       .run = suspend},
      {.name = "cron:resume",
       .group = "Processes",
       .summary = "Run a suspended cron job again at its times",
       .example = "berth cron:resume nightly-report",
       .arguments = {name},
       .for_app = true,
       .json = true,
       .run = resume},
      {.name = "cron:history",
       .group = "Processes",
       .summary = "Show what became of the runs of cron jobs, newest first",
       .example = "berth cron:history nightly-report",
       .arguments = {{.name = "NAME", .help = "A job; all if not given"}},
       .flags = {{.name = "--number",
                  .letter = "-n",
                  .value = "RUNS",
                  .help = "How many are shown (20)",
                  .at_least = 1}},
       .for_app = true,
       .json = true,
       .details = "The last 50 of each job are kept.",
       .run = history},
  };
}

}  // namespace berth::cli
