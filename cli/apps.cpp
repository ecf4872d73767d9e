// SPDX-License-Identifier: Apache-2.0
//
// Commands about an app as a whole: create, list, show, rename, destroy, open, maintenance.
#include <fmt/format.h>

#include "base/child_process.hpp"
#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/git.hpp"
#include "cli/resource.hpp"
#include "cli/session.hpp"
#include "cli/table.hpp"

namespace berth::cli {

namespace {

/// "web 2/3, worker 1/1": ready and desired.
std::string replicas_of(const json::object& app) {
  std::string text;
  const auto* types = optional_object(app, "replicas");
  if (!types) return text;
  for (const auto& [type, value] : *types) {
    const auto* counts = value.if_object();
    if (!counts) continue;
    text += fmt::format("{}{} {}/{}", text.empty() ? "" : ", ", std::string_view(type),
                        optional_int(*counts, "ready").value_or(0),
                        optional_int(*counts, "desired").value_or(0));
  }
  return text;
}

Outcome<int> create(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const ApiClient api, session.api());
  json::object body;
  if (const auto name = arguments.text("name")) body["name"] = *name;
  BERTH_ASSIGN(const json::value made, api.send("POST", "/apps", body));
  const json::object app = object_or_empty(made);
  if (arguments.has("json"))
    session.print_json(made);
  else
    session.print(fmt::format("Created {}\n  {}\n", field(app, "name"), field(app, "web_url")));

  const auto& directory = session.environment.directory;
  const std::string remote = arguments.text("remote").value_or(std::string(remote_name));
  if (arguments.has("no-remote") || !in_git_repository(directory)) {
    session.note("→ Next: berth git:remote -a " + field(app, "name") + ", in your repository");
    return 0;
  }
  if (const std::string other = session.remote_url(remote); !other.empty()) {
    session.note(
        fmt::format("The git remote \"{}\" is {} and was left so.\n"
                    "→ Next: berth git:remote -a {}, to point it here",
                    remote, printable(other), field(app, "name")));
    return 0;
  }
  BERTH_TRY(connect_repository(session, api.url(), remote, field(app, "git_url")));
  session.note(fmt::format("  git remote \"{}\" is {}\n→ Next: {}", remote, field(app, "git_url"),
                           push_command(directory, remote)));
  return 0;
}

Outcome<int> list(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const ApiClient api, session.api());
  BERTH_ASSIGN(const json::array apps, api.list("/apps"));
  if (arguments.has("json")) {
    session.print_json(apps);
    return 0;
  }
  if (apps.empty()) {
    session.note("There are no apps yet.\n→ Try: berth create");
    return 0;
  }
  Table table({"NAME", "STATE", "REPLICAS", "RELEASE", "RELEASED", "URL"});
  for (const auto& value : apps) {
    const auto* app = value.if_object();
    if (!app) continue;
    const std::string state = field(*app, "state");
    table.add({Cell(field(*app, "name"), Colour::cyan), Cell(state, colour_of_state(state)),
               replicas_of(*app), version_text(*app, "release"), session.ago(*app, "released_at"),
               field(*app, "web_url")});
  }
  // Not cut to the terminal: the URL is there to be copied.
  session.print(table.render(session.style()));
  return 0;
}

Outcome<int> info(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::object app, target.api.get_object(target.path()));
  if (arguments.has("json")) {
    session.print_json(app);
    return 0;
  }
  const std::string state = field(app, "state");
  Fields fields;
  fields.add("State", Cell(state, colour_of_state(state)));
  fields.add("URL", field(app, "web_url"));
  fields.add("Git", field(app, "git_url"));
  fields.add("Release", version_text(app, "release"));
  fields.add("Released", session.ago(app, "released_at"));
  fields.add("Replicas", replicas_of(app));
  fields.add("Maintenance", optional_bool(app, "maintenance").value_or(false) ? "on" : "");
  fields.add("Owner", field(app, "owner", "email"));
  fields.add("Stack", field(app, "stack", "name"));
  fields.add("Created", session.ago(app, "created_at"));
  session.print(session.style().paint(Colour::bold, printable(field(app, "name"))) + "\n" +
                fields.render(session.style()));
  return 0;
}

Outcome<int> destroy(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  std::string typed = arguments.text("confirm").value_or("");
  if (typed.empty()) {
    const std::string with = "berth destroy -a " + target.app + " --confirm " + target.app;
    if (!session.console.in_is_terminal())
      return usage_failure("Destroying " + target.app + " needs its name as confirmation.", with);
    // The name may come from a git remote: show what is at stake before asking.
    BERTH_TRY(target.api.get_object(target.path()));
    session.console.err(
        fmt::format("This destroys {} on {}: its replicas, releases, config vars, domains and "
                    "volumes.\n"
                    "Type its name to go on: ",
                    session.error_style().paint(Colour::red, target.app), target.api.url()));
    typed = session.console.read_line(true).value_or("");
  }
  if (typed != target.app)
    return failed("'" + printable(typed) + "' is not '" + target.app + "'; nothing was destroyed.");
  BERTH_ASSIGN(const json::value app, target.api.send("DELETE", target.path(), nullptr));
  if (arguments.has("json"))
    session.print_json(app);
  else
    session.print("Destroyed " + target.app + "\n");
  return 0;
}

Outcome<int> rename(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(
      const json::value renamed,
      target.api.send("PATCH", target.path(), json::object{{"name", *arguments.text("new_name")}}));
  const json::object app = object_or_empty(renamed);
  if (arguments.has("json"))
    session.print_json(renamed);
  else
    session.print(fmt::format("Renamed {} to {}\n  {}\n", target.app, field(app, "name"),
                              field(app, "web_url")));
  // The remote here pointed at the old name.
  if (app_of_git_url(session.remote_url()) == target.app) {
    BERTH_TRY(connect_repository(session, target.api.url(), std::string(remote_name),
                                 field(app, "git_url")));
    session.note("  git remote \"berth\" is " + field(app, "git_url"));
  }
  return 0;
}

Outcome<int> open_app(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::object app, target.api.get_object(target.path()));
  std::string url = field(app, "web_url");
  if (const auto path = arguments.text("path")) {
    if (url.ends_with('/')) url.pop_back();
    url += path->starts_with('/') ? *path : "/" + *path;
  }
  if (arguments.has("json"))
    session.print_json(json::object{{"web_url", url}});
  else
    session.print(url + "\n");
  const bool display = !session.environment.variable("DISPLAY").empty() ||
                       !session.environment.variable("WAYLAND_DISPLAY").empty();
  // Whatever the platform says, a browser is started for web addresses alone.
  if (display && !origin_of(url).empty()) {
    auto browser = ChildProcess::spawn(
        {.argv = {"xdg-open", url}, .stdout_fd = -1, .stderr_fd = -1, .new_session = true});
    if (browser) browser->detach();  // Without xdg-open the URL above is the answer.
  }
  return 0;
}

Outcome<int> set_maintenance(Session& session, const Arguments& arguments, bool on) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::value app,
               target.api.send("PATCH", target.path(), json::object{{"maintenance", on}}));
  if (arguments.has("json"))
    session.print_json(app);
  else
    session.print("Maintenance of " + target.app + " is " + (on ? "on" : "off") + "\n");
  return 0;
}

Outcome<int> maintenance_on(Session& session, const Arguments& arguments) {
  return set_maintenance(session, arguments, true);
}
Outcome<int> maintenance_off(Session& session, const Arguments& arguments) {
  return set_maintenance(session, arguments, false);
}

/// What changes an app that is there.
std::vector<Command> change_commands() {
  return {
      {.name = "rename",
       .group = "Apps",
       .summary = "Give the app another name, and with it another URL",
       .example = "berth rename hello-world -a hello",
       .arguments = {{.name = "NEW_NAME", .help = "The new name", .required = true}},
       .for_app = true,
       .json = true,
       .aliases = {"apps:rename"},
       .run = rename},
      {.name = "destroy",
       .group = "Apps",
       .summary = "Destroy the app and all that belongs to it",
       .example = "berth destroy -a hello --confirm hello",
       .flags = {{.name = "--confirm",
                  .value = "NAME",
                  .help = "The app's name once more, instead of being asked",
                  .names = Names::app}},
       .for_app = true,
       .json = true,
       .aliases = {"apps:destroy", "apps:delete"},
       .run = destroy},
      {.name = "maintenance:on",
       .group = "Apps",
       .summary = "Answer requests with a maintenance page",
       .example = "berth maintenance:on -a hello",
       .for_app = true,
       .json = true,
       .run = maintenance_on},
      {.name = "maintenance:off",
       .group = "Apps",
       .summary = "Let requests through again",
       .example = "berth maintenance:off -a hello",
       .for_app = true,
       .json = true,
       .run = maintenance_off},
  };
}

}  // namespace

std::vector<Command> app_commands() {
  std::vector<Command> commands = {
      {.name = "create",
       .group = "Apps",
       .summary = "Create an app and add it as a git remote here",
       .example = "berth create hello && git push berth main",
       .arguments = {{.name = "NAME",
                      .help = "Lower-case letters, digits, dashes; one is made if none is given"}},
       .flags = {{.name = "--no-remote", .help = "Leave the repository here alone"},
                 {.name = "--remote",
                  .letter = "-r",
                  .value = "NAME",
                  .help = "The remote's name (berth)"}},
       .json = true,
       .aliases = {"apps:create"},
       .run = create},
      {.name = "apps",
       .group = "Apps",
       .summary = "List the apps",
       .example = "berth apps",
       .json = true,
       .aliases = {"apps:list", "list"},
       .run = list},
      {.name = "info",
       .group = "Apps",
       .summary = "Show one app",
       .example = "berth info -a hello --json",
       .for_app = true,
       .json = true,
       .aliases = {"apps:info"},
       .run = info},
      {.name = "open",
       .group = "Apps",
       .summary = "Print the app's URL, and open it where there is a display",
       .example = "berth open /status",
       .arguments = {{.name = "PATH", .help = "A path of the app"}},
       .for_app = true,
       .json = true,
       .aliases = {"apps:open"},
       .run = open_app},
  };
  for (auto& command : change_commands()) commands.push_back(std::move(command));
  return commands;
}

}  // namespace berth::cli
