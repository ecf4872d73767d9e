// SPDX-License-Identifier: Apache-2.0
//
// `berth previews`: what was pushed to refs/previews/NAME of an app.
#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/resource.hpp"
#include "cli/session.hpp"
#include "cli/table.hpp"

namespace berth::cli {

namespace {

Outcome<int> previews(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::array all, target.api.list(target.path({"previews"})));
  if (arguments.has("json")) {
    session.print_json(all);
    return 0;
  }
  if (all.empty()) {
    session.note(target.app + " has no previews.\n→ Try: git push berth HEAD:refs/previews/NAME");
    return 0;
  }
  Table table({"NAME", "APP", "STATE", "RELEASE", "EXPIRES", "URL"});
  for (const auto& value : all) {
    const auto* app = value.if_object();
    const auto* preview = app ? optional_object(*app, "preview") : nullptr;
    if (!preview) continue;
    const std::string state = field(*app, "state");
    const std::string expires = session.ago(*preview, "expires_at");
    table.add({Cell(field(*preview, "name"), Colour::cyan), field(*app, "name"),
               Cell(state, colour_of_state(state)), version_text(*app, "release"),
               expires.empty() ? "never" : expires, field(*app, "web_url")});
  }
  // Not cut to the terminal: the URL is there to be copied.
  session.print(table.render(session.style()));
  return 0;
}

Outcome<int> destroy(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  const std::string name = *arguments.text("name");
  BERTH_ASSIGN(const json::value app,
               target.api.send("DELETE", target.path({"previews", name}), nullptr));
  if (arguments.has("json"))
    session.print_json(app);
  else
    session.print("Destroyed preview " + printable(name) + " of " + target.app + "\n");
  return 0;
}

}  // namespace

std::vector<Command> preview_commands() {
  return {
      {.name = "previews",
       .group = "Previews and pipelines",
       .summary = "List the previews of an app: commits pushed to refs/previews/NAME",
       .example = "berth previews",
       .for_app = true,
       .json = true,
       .details = "A preview is an app: `berth logs -a NAME--APP` and all the other commands work "
                  "with it.",
       .aliases = {"reviewapps"},
       .run = previews},
      {.name = "previews:destroy",
       .group = "Previews and pipelines",
       .summary = "Destroy a preview, as deleting its ref by a push does",
       .example = "berth previews:destroy fix-42",
       .arguments = {{.name = "NAME", .help = "As `berth previews` names it", .required = true}},
       .for_app = true,
       .json = true,
       .run = destroy},
  };
}

}  // namespace berth::cli
