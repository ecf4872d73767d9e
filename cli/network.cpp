// SPDX-License-Identifier: Apache-2.0
//
// `berth network`: where an app's replicas may connect to outside.
#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/resource.hpp"
#include "cli/session.hpp"

namespace berth::cli {

namespace {

void show_policy(Session& session, const Arguments& arguments, const json::object& network) {
  if (arguments.has("json")) {
    session.print_json(network);
    return;
  }
  const std::string policy = field(network, "egress", "policy");
  std::string text;
  const auto* egress = optional_object(network, "egress");
  if (const auto* allowed = egress ? optional_array(*egress, "allowed") : nullptr)
    for (const auto& rule : *allowed)
      if (const auto* word = rule.if_string())
        text += "\n  " + printable(std::string_view(word->data(), word->size()));
  session.print("Egress: " + (policy == "list" ? "only to" + text : printable(policy)) + "\n");
}

Outcome<int> show(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::object network, target.api.get_object(target.path({"network"})));
  show_policy(session, arguments, network);
  return 0;
}

Outcome<int> egress(Session& session, const Arguments& arguments) {
  const std::vector<std::string> words = arguments.list("where");
  json::value wanted = nullptr;
  if (words.size() == 1 && (words.front() == "all" || words.front() == "none"))
    wanted = json::string(words.front());
  else
    wanted = json::array(words.begin(), words.end());
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::value after, target.api.send("PATCH", target.path({"network"}),
                                                        json::object{{"egress", wanted}}));
  show_policy(session, arguments, object_or_empty(after));
  return 0;
}

}  // namespace

std::vector<Command> network_commands() {
  return {
      {.name = "network",
       .group = "Processes",
       .summary = "Show where the app's replicas may connect to outside",
       .example = "berth network",
       .for_app = true,
       .json = true,
       .run = show},
      {.name = "network:egress",
       .group = "Processes",
       .summary = "Say where the app's replicas may connect to outside",
       .example = "berth network:egress 10.0.0.0/8:5432 192.0.2.7",
       .arguments = {{.name = "WHERE",
                      .help = "all, none, or addresses and networks: 192.0.2.7, 10.0.0.0/8:5432, "
                              "[2001:db8::7]:443",
                      .required = true,
                      .repeated = true}},
       .for_app = true,
       .json = true,
       .details = "It holds at once, also for replicas that run and what they are connected to. A "
                  "list allows names to be looked up, too; none does not. Builds are left out.",
       .run = egress},
  };
}

}  // namespace berth::cli
