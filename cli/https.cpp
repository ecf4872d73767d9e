// SPDX-License-Identifier: Apache-2.0
//
// HTTPS of an app: whether plain requests are redirected, and what browsers are told to remember.
#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/resource.hpp"
#include "cli/session.hpp"
#include "cli/table.hpp"

namespace berth::cli {

namespace {

constexpr std::int64_t day_s = 24 * 3600;

std::string hsts_text(const json::object& https) {
  const auto* hsts = optional_object(https, "hsts");
  if (!hsts) return "off";
  std::string text =
      std::to_string(optional_int(*hsts, "max_age").value_or(0) / day_s) + " days";
  if (optional_bool(*hsts, "include_subdomains").value_or(false)) text += ", subdomains too";
  if (optional_bool(*hsts, "preload").value_or(false)) text += ", for preload lists";
  return text;
}

void show_settings(Session& session, const Arguments& arguments, const json::object& https) {
  if (arguments.has("json")) {
    session.print_json(https);
    return;
  }
  Table table;
  table.add({"Redirect", optional_bool(https, "redirect").value_or(false) ? "on" : "off"});
  table.add({"HSTS", hsts_text(https)});
  session.print(table.render(session.style()));
}

Outcome<int> show(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::object https, target.api.get_object(target.path({"https"})));
  show_settings(session, arguments, https);
  return 0;
}

Outcome<bool> wanted(const Arguments& arguments, std::string_view command) {
  const std::string word = *arguments.text("on|off");
  if (word == "on" || word == "off") return word == "on";
  return usage_failure("Say on or off, not " + printable(word) + ".",
                       "berth " + std::string(command) + " on");
}

Outcome<int> change(Session& session, const Arguments& arguments, const json::object& body) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::value after, target.api.send("PATCH", target.path({"https"}), body));
  show_settings(session, arguments, object_or_empty(after));
  return 0;
}

Outcome<int> redirect(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const bool on, wanted(arguments, "https:redirect"));
  return change(session, arguments, json::object{{"redirect", on}});
}

Outcome<int> hsts(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const bool on, wanted(arguments, "https:hsts"));
  json::value settings = nullptr;
  if (on)
    settings = {{"max_age", arguments.number("days").value_or(365) * day_s},
                {"include_subdomains", arguments.has("subdomains")},
                {"preload", arguments.has("preload")}};
  return change(session, arguments, json::object{{"hsts", std::move(settings)}});
}

}  // namespace

std::vector<Command> https_commands() {
  const Argument on_or_off{.name = "ON|OFF", .help = "on or off", .required = true};
  return {
      {.name = "https",
       .group = "Domains",
       .summary = "Show whether plain requests are redirected to HTTPS",
       .example = "berth https",
       .for_app = true,
       .json = true,
       .run = show},
      {.name = "https:redirect",
       .group = "Domains",
       .summary = "Redirect plain requests to HTTPS",
       .example = "berth https:redirect on",
       .arguments = {on_or_off},
       .for_app = true,
       .json = true,
       .run = redirect},
      {.name = "https:hsts",
       .group = "Domains",
       .summary = "Tell browsers to use HTTPS alone (HSTS)",
       .example = "berth https:hsts on --days 30",
       .arguments = {on_or_off},
       .flags = {{.name = "--days",
                  .value = "DAYS",
                  .help = "How long a browser remembers it; 365 by default",
                  .at_least = 0},
                 {.name = "--subdomains", .help = "For all names below the app's, too"},
                 {.name = "--preload", .help = "Allow browsers to ship the name in their lists"}},
       .for_app = true,
       .json = true,
       .details = "Browsers hold to it until the days are over, whatever is set meanwhile: begin "
                  "with few. An app that sends Strict-Transport-Security itself is left alone.",
       .run = hsts},
  };
}

}  // namespace berth::cli
