// SPDX-License-Identifier: Apache-2.0
//
// `berth placement` and `berth pools`: where an app's replicas run, and where they could.
#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/resource.hpp"
#include "cli/session.hpp"
#include "cli/table.hpp"

namespace berth::cli {

namespace {

/// "pool=far region=eu"
std::string words_of(const json::object& object, std::string_view key) {
  std::string text;
  if (const auto* words = optional_object(object, key))
    for (const auto& [name, value] : *words)
      if (const auto* word = value.if_string())
        text += (text.empty() ? "" : " ") + std::string(name) + "=" +
                std::string(word->data(), word->size());
  return text;
}

void show_placement(Session& session, const Arguments& arguments, const json::object& placement) {
  if (arguments.has("json")) {
    session.print_json(placement);
    return;
  }
  std::string pools;
  if (const auto* names = optional_array(placement, "pools"))
    for (const auto& name : *names)
      if (const auto* text = name.if_string())
        pools += (pools.empty() ? "" : ", ") + std::string(text->data(), text->size());
  const std::string words = words_of(placement, "placement");
  session.print("Placement: " + (words.empty() ? "default" : printable(words)) + "\n");
  session.print("Pools:     " + (pools.empty() ? "none has these labels" : printable(pools)) +
                "\n");
}

Outcome<int> show(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::object placement, target.api.get_object(target.path({"placement"})));
  show_placement(session, arguments, placement);
  return 0;
}

Outcome<int> change(Session& session, const Arguments& arguments, const json::object& placement) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::value after, target.api.send("PATCH", target.path({"placement"}),
                                                        json::object{{"placement", placement}}));
  show_placement(session, arguments, object_or_empty(after));
  return 0;
}

Outcome<int> set(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const json::object placement,
               arguments.pairs("key=value", "berth placement:set pool=untrusted"));
  return change(session, arguments, placement);
}

Outcome<int> unset(Session& session, const Arguments& arguments) {
  return change(session, arguments, {});
}

/// "3.5 of 192.0 GB", or "3.5 GB" where any amount goes.
std::string of(std::int64_t declared, std::int64_t takes, std::int64_t unit,
               std::string_view name) {
  const auto in = [unit](std::int64_t amount) {
    return static_cast<double>(amount) / static_cast<double>(unit);
  };
  if (takes == 0) return fmt::format("{:.1f} {}", in(declared), name);
  return fmt::format("{:.1f} of {:.1f} {}", in(declared), in(takes), name);
}

Outcome<int> pools(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const ApiClient api, session.api());
  BERTH_ASSIGN(const json::array all, api.list("/pools"));
  if (arguments.has("json")) {
    session.print_json(all);
    return 0;
  }
  Table table({"NAME", "LABELS", "CONTAINERS", "REPLICAS", "MEMORY DECLARED", "CPU DECLARED"});
  for (const auto& value : all) {
    const json::object pool = object_or_empty(value);
    table.add({Cell(field(pool, "name"), Colour::cyan), words_of(pool, "labels"),
               field(pool, "oci"), std::to_string(number(pool, "replicas")),
               of(number(pool, "memory_declared"), number(pool, "memory_takes"), 1 << 30, "GB"),
               of(number(pool, "cpu_declared"), number(pool, "cpu_takes"), 1000, "CPU")});
  }
  session.print(table.render(session.style(), session.console.columns()));
  return 0;
}

}  // namespace

std::vector<Command> placement_commands() {
  return {
      {.name = "placement",
       .group = "Processes",
       .summary = "Show where the app's replicas run",
       .example = "berth placement",
       .for_app = true,
       .json = true,
       .run = show},
      {.name = "placement:set",
       .group = "Processes",
       .summary = "Say where the app's replicas run, and in what containers",
       .example = "berth placement:set pool=untrusted oci=runsc",
       .arguments = {{.name = "KEY=VALUE",
                      .help = "labels that a pool must have; oci=native, crun, runc or runsc",
                      .required = true,
                      .repeated = true}},
       .for_app = true,
       .json = true,
       .details = "This replaces what was said before. Replicas that run are replaced by ones that "
                  "fit, without a request lost.",
       .run = set},
      {.name = "placement:unset",
       .group = "Processes",
       .summary = "Run the app's replicas in the pool 'default' again",
       .example = "berth placement:unset",
       .for_app = true,
       .json = true,
       .run = unset},
  };
}

std::vector<Command> pool_commands() {
  return {
      {.name = "pools",
       .group = "Platform",
       .summary = "Show the parts of the machine that apps are placed in",
       .example = "berth pools",
       .json = true,
       .run = pools},
  };
}

}  // namespace berth::cli
