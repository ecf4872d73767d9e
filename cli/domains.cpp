// SPDX-License-Identifier: Apache-2.0
//
// Domains: the names under which the router serves an app.
#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/resource.hpp"
#include "cli/session.hpp"
#include "cli/table.hpp"

namespace berth::cli {

namespace {

Outcome<int> list(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::array domains, target.api.list(target.path({"domains"})));
  if (arguments.has("json")) {
    session.print_json(domains);
    return 0;
  }
  Table table({"HOSTNAME", "KIND", "STATUS", "ADDED"});
  for (const auto& value : domains) {
    const auto* domain = value.if_object();
    if (!domain) continue;
    // The API calls the platform's own name "heroku", as existing clients expect.
    const bool own = field(*domain, "kind") == "heroku";
    const std::string status = field(*domain, "status");
    table.add({Cell(field(*domain, "hostname"), Colour::cyan), own ? "platform" : "custom",
               Cell(status, colour_of_state(status)), session.ago(*domain, "created_at")});
  }
  session.print(table.render(session.style(), session.console.columns()));
  return 0;
}

Outcome<int> add(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::value made,
               target.api.send("POST", target.path({"domains"}),
                               json::object{{"hostname", *arguments.text("hostname")}}));
  if (arguments.has("json")) {
    session.print_json(made);
    return 0;
  }
  const json::object domain = object_or_empty(made);
  session.print("Added " + printable(field(domain, "hostname")) + " to " + target.app + "\n");
  if (const std::string cname = field(domain, "cname"); !cname.empty())
    session.note("→ Next: let its DNS entry be a CNAME of " + printable(cname));
  return 0;
}

Outcome<int> remove(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  const std::string hostname = *arguments.text("hostname");
  BERTH_ASSIGN(const json::value gone,
               target.api.send("DELETE", target.path({"domains", hostname}), nullptr));
  if (arguments.has("json"))
    session.print_json(gone);
  else
    session.print("Removed " + printable(hostname) + " from " + target.app + "\n");
  return 0;
}

}  // namespace

std::vector<Command> domain_commands() {
  return {
      {.name = "domains",
       .group = "Domains",
       .summary = "List the app's hostnames",
       .example = "berth domains",
       .for_app = true,
       .json = true,
       .run = list},
      {.name = "domains:add",
       .group = "Domains",
       .summary = "Serve the app under another hostname too, or a path of one",
       .example = "berth domains:add www.example.com",
       .arguments = {{.name = "HOSTNAME",
                      .help = "Such as www.example.com, *.example.com or example.com/api",
                      .required = true}},
       .for_app = true,
       .json = true,
       .details = "*.example.com is every name below it that is not another domain of its own. A "
                  "path is for what is below it and reaches the app as it is, with the path.",
       .run = add},
      {.name = "domains:remove",
       .group = "Domains",
       .summary = "Stop serving the app under a hostname",
       .example = "berth domains:remove www.example.com",
       .arguments = {{.name = "HOSTNAME", .help = "One of berth domains", .required = true}},
       .for_app = true,
       .json = true,
       .run = remove},
  };
}

}  // namespace berth::cli
