// SPDX-License-Identifier: Apache-2.0
//
// Builds: list, the output of one while it runs or after, its end before its time.
#include "cli/builds.hpp"

#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/resource.hpp"
#include "cli/session.hpp"
#include "cli/table.hpp"

namespace berth::cli {

namespace {

constexpr std::size_t short_id = 8;
constexpr std::size_t short_commit = 7;
constexpr std::size_t whole_id = 36;
constexpr auto release_poll = std::chrono::milliseconds(100);

std::string release_of(const json::object& build) {
  const auto* release = optional_object(build, "release");
  return release ? version_text(*release, "version") : "";
}

Outcome<int> list(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(
      const json::array builds,
      target.api.list(target.path({"builds"}),
                      "created_at ..; max=" + std::to_string(arguments.number("num").value_or(15)) +
                          ", order=desc"));
  if (arguments.has("json")) {
    session.print_json(builds);
    return 0;
  }
  if (builds.empty()) {
    session.note(target.app + " was never built.\n→ Try: git push berth main");
    return 0;
  }
  Table table({"ID", "STATUS", "COMMIT", "RELEASE", "BY", "WHEN", "MESSAGE"});
  for (const auto& value : builds) {
    const auto* build = value.if_object();
    if (!build) continue;
    const std::string status = field(*build, "status");
    table.add({Cell(field(*build, "id").substr(0, short_id), Colour::cyan),
               Cell(status, colour_of_state(status)),
               field(*build, "source_blob", "version").substr(0, short_commit), release_of(*build),
               field(*build, "user", "email"), session.ago(*build, "created_at"),
               field(*build, "message")});
  }
  session.print(table.render(session.style(), session.console.columns()));
  return 0;
}

/// The whole id of the build that the user means: the newest, or the one that begins so.
Outcome<std::string> find_build(const Target& target, const std::string& word) {
  if (word.size() == whole_id) return word;
  BERTH_ASSIGN(const json::array builds,
               target.api.list(target.path({"builds"}), "created_at ..; max=200, order=desc"));
  for (const auto& value : builds)
    if (const auto* build = value.if_object(); build && field(*build, "id").starts_with(word))
      return field(*build, "id");
  if (word.empty()) return failed(target.app + " was never built.", "git push berth main");
  return failed("No build of " + target.app + " begins with " + printable(word) + ".",
                "berth builds -a " + target.app);
}

Outcome<int> output(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const std::string id, find_build(target, arguments.text("id").value_or("")));
  BERTH_TRY(print_build_output(session, target, id, arguments.has("json")));
  return 0;
}

Outcome<int> cancel(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const std::string id, find_build(target, arguments.text("id").value_or("")));
  BERTH_ASSIGN(const json::value answer,
               target.api.send("POST", target.path({"builds", id, "actions", "cancel"}), {}));
  const json::object build = object_or_empty(answer);
  if (arguments.has("json")) {
    session.print_json(build);
    return 0;
  }
  const std::string commit = field(build, "source_blob", "version").substr(0, short_commit);
  session.print("Cancelled the build of " + (commit.empty() ? std::string("an image") : commit) +
                " of " + target.app + ".\n");
  return 0;
}

}  // namespace

Outcome<void> print_build_output(Session& session, const Target& target, const std::string& build,
                                 bool as_json) {
  const bool clean = session.console.out_is_terminal();
  std::string pending;
  const auto show = [&](std::string_view line) {
    if (as_json)
      session.print(to_text(json::object{{"line", line}}) + "\n");
    else
      session.print((clean ? printable_log(line) : std::string(line)) + "\n");
  };
  BERTH_TRY(target.api.stream(
      target.path({"builds", build, "output"}),
      [&](std::string_view data) {
        pending += data;
        for (std::size_t end; (end = pending.find('\n')) != std::string::npos;) {
          show(std::string_view(pending).substr(0, end));
          pending.erase(0, end + 1);
        }
        return true;
      },
      std::chrono::minutes(30)));
  if (!pending.empty()) show(pending);
  return {};
}

Outcome<void> await_release(Session& session, const Target& target, const std::string& release) {
  for (;;) {
    BERTH_ASSIGN(const json::object now,
                 target.api.get_object(target.path({"releases", release})));
    const std::string status = field(now, "status");
    const std::string version = version_text(now, "version");
    if (status == "succeeded") {
      session.note("Release " + version + " of " + target.app + " is live.");
      return {};
    }
    if (status == "failed")
      return failed("Release " + version + " failed: " + field(now, "message") +
                        ". The release before goes on.",
                    "berth logs -a " + target.app);
    session.environment.sleep(release_poll);
  }
}

std::vector<Command> build_commands() {
  return {
      {.name = "builds",
       .group = "Config and releases",
       .summary = "List the builds, newest first",
       .example = "berth builds",
       .flags = {{.name = "--num",
                  .letter = "-n",
                  .value = "COUNT",
                  .help = "How many (15)",
                  .at_least = 1}},
       .for_app = true,
       .json = true,
       .run = list},
      {.name = "builds:output",
       .group = "Config and releases",
       .summary = "Print what a build said; follows one that still runs",
       .example = "berth builds:output 5f2b9c1e",
       .arguments = {{.name = "ID",
                      .help = "A build, or how its id begins; the newest if not given"}},
       .for_app = true,
       .json = true,
       .run = output},
      {.name = "builds:cancel",
       .group = "Config and releases",
       .summary = "End a build that waits or runs; its push is refused",
       .example = "berth builds:cancel",
       .arguments = {{.name = "ID",
                      .help = "A build, or how its id begins; the newest if not given"}},
       .for_app = true,
       .json = true,
       .run = cancel},
  };
}

}  // namespace berth::cli
