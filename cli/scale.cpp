// SPDX-License-Identifier: Apache-2.0
#include "cli/scale.hpp"

#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/resource.hpp"
#include "cli/session.hpp"
#include "cli/table.hpp"

namespace berth::cli {

namespace {

constexpr std::string_view digits = "0123456789";

std::string formation_line(const json::array& formation) {
  std::string line;
  for (const auto& value : formation)
    if (const auto* process = value.if_object())
      line += fmt::format("{}{}={}", line.empty() ? "" : " ", printable(field(*process, "type")),
                          number(*process, "quantity"));
  return line + "\n";
}

Outcome<int> show_scale(Session& session, const Arguments& arguments, const Target& target) {
  BERTH_ASSIGN(const json::array formation, target.api.list(target.path({"formation"})));
  if (arguments.has("json"))
    session.print_json(formation);
  else if (formation.empty())
    session.note("There is nothing to scale: " + target.app +
                 " has no release yet.\n→ Try: git push berth main");
  else
    session.print(formation_line(formation));
  return 0;
}

Outcome<int> scale(Session& session, const Arguments& arguments) {
  json::array updates;
  for (const auto& word : arguments.list("change")) {
    BERTH_ASSIGN(const ScaleChange change, parse_scale(word));
    json::object update{{"type", change.type}};
    if (!change.quantity.empty()) update["quantity"] = change.quantity;
    if (!change.size.empty()) update["size"] = change.size;
    updates.push_back(std::move(update));
  }
  BERTH_ASSIGN(const Target target, session.target(arguments));
  if (updates.empty()) return show_scale(session, arguments, target);
  BERTH_ASSIGN(const json::value answer,
               target.api.send("PATCH", target.path({"formation"}),
                               json::object{{"updates", std::move(updates)}}));
  if (arguments.has("json"))
    session.print_json(answer);
  else if (const auto* formation = answer.if_array())
    session.print("Scaled " + target.app + ": " + formation_line(*formation));
  return 0;
}

Outcome<int> show_policies(Session& session, const Arguments& arguments, const Target& target) {
  BERTH_ASSIGN(const json::array formation, target.api.list(target.path({"formation"})));
  if (arguments.has("json")) {
    session.print_json(formation);
    return 0;
  }
  Table table({"TYPE", "NOW", "AUTOSCALING"});
  for (const auto& value : formation) {
    const auto* process = value.if_object();
    if (!process) continue;
    const auto* policy = optional_object(*process, "autoscaling");
    table.add({Cell(field(*process, "type"), Colour::cyan),
               std::to_string(number(*process, "quantity")),
               policy ? policy_text(*policy) : "off"});
  }
  session.print(table.render(session.style(), session.console.columns()));
  return 0;
}

Outcome<int> set_policy(Session& session, const Arguments& arguments, const std::string& type,
                        const json::value& policy) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::value answer, target.api.send("PATCH", target.path({"formation", type}),
                                                         json::object{{"autoscaling", policy}}));
  if (arguments.has("json")) {
    session.print_json(answer);
    return 0;
  }
  const json::object process = object_or_empty(answer);
  const auto* set = optional_object(process, "autoscaling");
  session.print(fmt::format(
      "{} of {} {}\n", printable(type), target.app,
      set ? "autoscales " + policy_text(*set)
          : fmt::format("no longer autoscales and stays at {}", number(process, "quantity"))));
  return 0;
}

Outcome<int> autoscale(Session& session, const Arguments& arguments) {
  const auto type = arguments.text("type");
  const auto low = arguments.number("min");
  const auto high = arguments.number("max");
  const auto rate = arguments.number("rps");
  if (!type && !low && !high && !rate) {
    BERTH_ASSIGN(const Target target, session.target(arguments));
    return show_policies(session, arguments, target);
  }
  if (!type || !high || !rate)
    return usage_failure("Autoscaling needs a process type, --max and --rps.",
                         "berth autoscale " + type.value_or("web") + " --min 0 --max 5 --rps 20");
  if (low.value_or(0) > *high)
    return usage_failure(fmt::format("--min {} is more than --max {}.", *low, *high));
  return set_policy(session, arguments, *type,
                    json::object{{"min", low.value_or(0)}, {"max", *high}, {"rps", *rate}});
}

Outcome<int> autoscale_off(Session& session, const Arguments& arguments) {
  return set_policy(session, arguments, *arguments.text("type"), nullptr);
}

/// "10 MB/s"; nothing where there is no limit.
std::string rate_text(std::int64_t rate) {
  if (rate == 0) return {};
  return fmt::format("{:g} MB/s", static_cast<double>(rate) / (1 << 20));
}

Outcome<int> show_sizes(Session& session, const Arguments& arguments, const Target& target) {
  BERTH_ASSIGN(const json::array formation, target.api.list(target.path({"formation"})));
  if (arguments.has("json")) {
    session.print_json(formation);
    return 0;
  }
  Table table({"TYPE", "SIZE", "MEMORY", "CPU", "PROCESSES", "DISK", "DISK I/O", "NETWORK"});
  for (const auto& value : formation) {
    const auto* process = value.if_object();
    const auto* limits = process ? optional_object(*process, "limits") : nullptr;
    if (!limits) continue;
    table.add({Cell(field(*process, "type"), Colour::cyan), field(*process, "size"),
               fmt::format("{} MB", number(*limits, "memory_bytes") >> 20),
               fmt::format("{:g}", static_cast<double>(number(*limits, "cpu_milli")) / 1000),
               std::to_string(number(*limits, "pids")),
               fmt::format("{} MB", number(*limits, "disk_bytes") >> 20),
               rate_text(number(*limits, "disk_rate")),
               rate_text(number(*limits, "network_rate"))});
  }
  session.print(table.render(session.style(), session.console.columns()));
  return 0;
}

/// "web=512m/0.5cpu", or a size alone for every process type.
Outcome<json::array> size_updates(const Arguments& arguments, const Target& target) {
  json::array updates;
  for (const auto& word : arguments.list("change")) {
    const auto equals = word.find('=');
    if (equals == 0 || equals == word.size() - 1)
      return usage_failure("'" + printable(word) + "' is no change such as web=standard-2x.",
                           "berth ps:type web=512m/0.5cpu");
    if (equals != std::string::npos) {
      updates.push_back(
          json::object{{"type", word.substr(0, equals)}, {"size", word.substr(equals + 1)}});
      continue;
    }
    BERTH_ASSIGN(const json::array formation, target.api.list(target.path({"formation"})));
    for (const auto& value : formation)
      if (const auto* process = value.if_object(); process && field(*process, "type") != "release")
        updates.push_back(json::object{{"type", field(*process, "type")}, {"size", word}});
  }
  return updates;
}

Outcome<int> set_sizes(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(json::array updates, size_updates(arguments, target));
  if (updates.empty()) return show_sizes(session, arguments, target);
  BERTH_TRY(target.api.send("PATCH", target.path({"formation"}),
                            json::object{{"updates", std::move(updates)}}));
  BERTH_TRY(show_sizes(session, arguments, target));
  session.note("Its replicas are replaced one by one.\n→ Next: berth ps -a " + target.app);
  return 0;
}

}  // namespace

Outcome<ScaleChange> parse_scale(std::string_view word) {
  const Failure wrong =
      usage_failure("'" + printable(word) + "' is no scale such as web=3 or worker+1.",
                    "berth ps:scale web=3 worker+1");
  // "my-worker=2": a dash belongs to the name unless a number ends the word.
  const auto equals = word.find('=');
  const auto at = equals != std::string_view::npos ? equals : word.find_last_of("+-");
  if (at == std::string_view::npos || at == 0) return wrong;
  ScaleChange change{.type = std::string(word.substr(0, at)), .quantity = {}};
  std::string_view amount = word.substr(at + 1);
  if (const auto colon = amount.find(':'); colon != std::string_view::npos) {
    change.size = amount.substr(colon + 1);
    amount = amount.substr(0, colon);
    if (change.size.empty()) return wrong;
  }
  const bool is_number = !amount.empty() && amount.size() <= 4 &&
                         amount.find_first_not_of(digits) == std::string_view::npos;
  if (is_number)
    change.quantity = (word[at] == '=' ? "" : std::string(1, word[at])) + std::string(amount);
  else if (word[at] == '=' && !amount.empty() &&
           digits.find(amount.front()) == std::string_view::npos && amount.front() != '-' &&
           change.size.empty())
    change.size = amount;  // web=large
  else
    return wrong;
  return change;
}

std::string policy_text(const json::object& policy) {
  return fmt::format("from {} to {} at {:g} requests/s each", number(policy, "min"),
                     number(policy, "max"), optional_double(policy, "rps").value_or(0));
}

std::vector<Command> scale_commands() {
  return {
      {.name = "ps:scale",
       .group = "Processes",
       .summary = "Set how many replicas each process type has",
       .example = "berth ps:scale web=3 worker+1",
       .arguments = {{.name = "CHANGE",
                      .help = "web=3, web+1, web-1, web=2:SIZE; without any, shows the formation",
                      .repeated = true,
                      .names = Names::process_type}},
       .for_app = true,
       .json = true,
       .aliases = {"scale", "dyno:scale"},
       .run = scale},
      {.name = "ps:type",
       .group = "Processes",
       .summary = "Show or set how large the replicas of each process type are",
       .example = "berth ps:type web=512m/0.5cpu",
       .arguments = {{.name = "CHANGE",
                      .help = "web=SIZE, or a SIZE for all; without any, shows the sizes",
                      .repeated = true,
                      .names = Names::process_type}},
       .for_app = true,
       .json = true,
       .details = "A SIZE is a class of the platform (standard), a name of Heroku's (standard-2x), "
                  "or limits between slashes: 512m or 2g of memory, 0.5cpu, 256pids, 4gdisk, and "
                  "a second 20mio of disk and 10mnet of network, each way; what is not said is as "
                  "in standard. Replicas are replaced without dropping a "
                  "request; there is no release.",
       .aliases = {"dyno:type", "ps:resize", "dyno:resize"},
       .run = set_sizes},
      {.name = "autoscale",
       .group = "Processes",
       .summary = "Add and remove replicas by the rate of requests, down to zero",
       .example = "berth autoscale web --min 0 --max 5 --rps 20",
       .arguments = {{.name = "TYPE",
                      .help = "A process type; without it, shows all policies",
                      .names = Names::process_type}},
       .flags = {{.name = "--min", .value = "N", .help = "Fewest replicas (0)", .at_least = 0},
                 {.name = "--max", .value = "N", .help = "Most replicas", .at_least = 1},
                 {.name = "--rps",
                  .value = "N",
                  .help = "Requests per second that one replica should get",
                  .at_least = 1}},
       .for_app = true,
       .json = true,
       .details =
           "With --min 0 an idle app sleeps; the next request is held, wakes it and is answered.",
       .run = autoscale},
      {.name = "autoscale:off",
       .group = "Processes",
       .summary = "Keep the number of replicas as it is",
       .example = "berth autoscale:off web",
       .arguments = {{.name = "TYPE",
                      .help = "A process type",
                      .required = true,
                      .names = Names::process_type}},
       .for_app = true,
       .json = true,
       .run = autoscale_off},
  };
}

}  // namespace berth::cli
