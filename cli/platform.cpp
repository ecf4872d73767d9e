// SPDX-License-Identifier: Apache-2.0
//
// The platform as a whole: its state, its audit events, versions.
#include <fmt/format.h>

#include <algorithm>

#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/resource.hpp"
#include "cli/session.hpp"
#include "cli/table.hpp"

namespace berth::cli {

namespace {

/// One value of the status for people: "yes", "2.0 GB", "12".
std::string value_text(std::string_view key, const json::value& value) {
  if (value.is_bool()) return value.get_bool() ? "yes" : "no";
  if (value.is_null()) return "";
  if (value.is_string()) return std::string(value.get_string());
  if (key.ends_with("bytes") && value.is_number())
    return human_bytes(static_cast<std::uint64_t>(std::max(0.0, value.to_number<double>())));
  return to_text(value);
}

/// The fields of a part on one line: "connected yes · routes 3".
std::string part_text(const json::object& part) {
  std::string text;
  for (const auto& [key, value] : part) {
    std::string name(key);
    const std::string shown = value_text(name, value);
    if (shown.empty()) continue;
    if (name.ends_with("_bytes")) name.resize(name.size() - 6);
    std::ranges::replace(name, '_', ' ');
    text += (text.empty() ? "" : " · ") + name + " " + shown;
  }
  return text;
}

Outcome<int> status(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const ApiClient api, session.api());
  BERTH_ASSIGN(const json::object status, api.get_object("/status"));
  if (arguments.has("json")) {
    session.print_json(status);
    return 0;
  }
  Fields fields;
  for (const auto& [key, value] : status) {
    std::string name(key);
    std::ranges::replace(name, '_', ' ');
    const auto* part = value.if_object();
    Colour colour = Colour::none;
    if (part)
      if (const auto connected = optional_bool(*part, "connected"))
        colour = *connected ? Colour::green : Colour::red;
    fields.add(name, Cell(part ? part_text(*part) : value_text(name, value), colour));
  }
  session.print(session.style().paint(Colour::bold, "Berth at " + api.url()) + "\n" +
                fields.render(session.style()));
  return 0;
}

Outcome<int> events(Session& session, const Arguments& arguments) {
  const int count = arguments.number("num").value_or(30);
  const std::string range = fmt::format("sequence ..; max={}, order=desc", count);
  std::string path = "/events";
  BERTH_ASSIGN(ApiClient api, session.api());
  if (!arguments.has("all")) {
    // Without an app the platform's events are what is meant.
    if (auto target = session.target(arguments); target.has_value()) {
      path = target->path({"events"});
      api = target->api;
    }
  }
  BERTH_ASSIGN(const json::array all, api.list(path, range));
  if (arguments.has("json")) {
    session.print_json(all);
    return 0;
  }
  Table table({"WHEN", "APP", "BY", "KIND", "MESSAGE"});
  for (const auto& value : all)
    if (const auto* event = value.if_object())
      table.add({session.ago(*event, "at"), Cell(field(*event, "app"), Colour::cyan),
                 field(*event, "user"), field(*event, "kind"), field(*event, "message")});
  session.print(table.render(session.style(), session.console.columns()));
  return 0;
}

Outcome<int> version(Session& session, const Arguments& arguments) {
  if (arguments.has("json"))
    session.print_json(json::object{{"version", BERTH_VERSION}});
  else
    session.print("berth " BERTH_VERSION "\n");
  return 0;
}

}  // namespace

std::vector<Command> platform_commands() {
  return {
      {.name = "status",
       .group = "Platform",
       .summary = "Show the state of the platform: router, engine, disk",
       .example = "berth status",
       .json = true,
       .run = status},
      {.name = "events",
       .group = "Platform",
       .summary = "List who changed what, newest first",
       .example = "berth events -a hello -n 10",
       .flags = {{.name = "--num",
                  .letter = "-n",
                  .value = "COUNT",
                  .help = "How many (30)",
                  .at_least = 1},
                 {.name = "--all",
                  .help = "Of the whole platform, also inside an app's repository"}},
       .for_app = true,
       .json = true,
       .run = events},
      {.name = "version",
       .group = "Platform",
       .summary = "Print the version of this program",
       .example = "berth version",
       .json = true,
       .run = version},
  };
}

}  // namespace berth::cli
