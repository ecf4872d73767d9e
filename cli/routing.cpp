// SPDX-License-Identifier: Apache-2.0
//
// How the router treats the app's requests: limits, who may come in, pages of its own.
#include <fmt/format.h>

#include "base/file.hpp"
#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/resource.hpp"
#include "cli/session.hpp"
#include "cli/table.hpp"

namespace berth::cli {

namespace {

constexpr std::size_t max_file = 1 << 20;

std::string text_of(const json::value& value) {
  if (const auto* text = value.if_string()) return printable(std::string_view(*text));
  const auto* list = value.if_array();
  std::string text;
  for (const auto& item : list ? *list : json::array())
    if (const auto* word = item.if_string())
      text += (text.empty() ? "" : ", ") + printable(std::string_view(*word));
  return text.empty() ? "-" : text;
}

void show_settings(Session& session, const Arguments& arguments, const json::object& routing) {
  if (arguments.has("json")) {
    session.print_json(routing);
    return;
  }
  Table table;
  for (const auto& [name, value] : routing)
    table.add({Cell(std::string(name), Colour::cyan), text_of(value)});
  session.print(table.render(session.style()));
}

Outcome<int> show(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::object routing, target.api.get_object(target.path({"routing"})));
  show_settings(session, arguments, routing);
  return 0;
}

Outcome<int> change(Session& session, const Arguments& arguments, const json::object& changes) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::value after,
               target.api.send("PATCH", target.path({"routing"}), changes));
  show_settings(session, arguments, object_or_empty(after));
  return 0;
}

Outcome<int> set(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const json::object changes,
               arguments.pairs("name=value", "berth routing:set rate_limit=100/s"));
  return change(session, arguments, changes);
}

Outcome<int> unset(Session& session, const Arguments& arguments) {
  json::object changes;
  for (const auto& name : arguments.list("name")) changes[name] = nullptr;
  return change(session, arguments, changes);
}

/// From the terminal, unseen, or a line of the input.
Outcome<int> add_user(Session& session, const Arguments& arguments) {
  const std::string user = *arguments.text("user");
  if (session.console.in_is_terminal())
    session.console.err("Password for " + printable(user) + ": ");
  const auto password = session.console.read_line(false);
  if (!password || password->empty())
    return usage_failure("Give the password: type it, or pipe it in.",
                         "berth routing:users:add " + printable(user) + " < password.txt");
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::value after,
               target.api.send("PUT", target.path({"routing", "users", user}),
                               json::object{{"password", *password}}));
  if (arguments.has("json"))
    session.print_json(after);
  else
    session.print(printable(user) + " can come in to " + target.app +
                  "; others cannot, without a password\n");
  return 0;
}

Outcome<int> remove_user(Session& session, const Arguments& arguments) {
  const std::string user = *arguments.text("user");
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::value after,
               target.api.send("DELETE", target.path({"routing", "users", user}), nullptr));
  if (arguments.has("json")) {
    session.print_json(after);
    return 0;
  }
  session.print("Removed " + printable(user) + " from " + target.app + "\n");
  const json::object routing = object_or_empty(after);
  const auto* users = optional_array(routing, "users");
  if (users && users->empty())
    session.note("That was the last one: everybody may come in now, without a password.");
  return 0;
}

Outcome<int> set_page(Session& session, const Arguments& arguments) {
  const std::string page = *arguments.text("page");
  const auto html = read_file(*arguments.text("file"), max_file);
  if (html.has_error()) return failed("The page cannot be read: " + html.error().message + ".");
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::value after,
               target.api.send("PUT", target.path({"routing", "pages", page}),
                               json::object{{"html", *html}}));
  if (arguments.has("json"))
    session.print_json(after);
  else
    session.print(fmt::format("Set the {} page of {} ({})\n", printable(page), target.app,
                              human_bytes(html->size())));
  return 0;
}

Outcome<int> unset_page(Session& session, const Arguments& arguments) {
  const std::string page = *arguments.text("page");
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::value after,
               target.api.send("DELETE", target.path({"routing", "pages", page}), nullptr));
  if (arguments.has("json"))
    session.print_json(after);
  else
    session.print("Removed the " + printable(page) + " page of " + target.app + "\n");
  return 0;
}

constexpr std::string_view settings_help =
    "rate_limit=100/s (or /m, /h), of each client; rate_burst=200; rate_by=header:X-Api-Key in "
    "place of the client's address. max_body=10MiB, max_head=4KiB, max_in_flight=50. "
    "allow_from=192.0.2.7,10.0.0.0/8. sticky=on keeps a client at its replica by a cookie. "
    "trace=on begins a W3C trace where there is none. log_sample=10% logs fewer requests. "
    "first_byte_timeout=60s, idle_timeout=55s, hold_timeout=30s. It holds at once, without a "
    "release.";

Command command_of(std::string name, std::string summary, std::string example,
                   std::vector<Argument> arguments,
                   Outcome<int> (*run)(Session&, const Arguments&), std::string details = {}) {
  return {.name = std::move(name),
          .group = "Routing",
          .summary = std::move(summary),
          .example = std::move(example),
          .arguments = std::move(arguments),
          .for_app = true,
          .json = true,
          .details = std::move(details),
          .run = run};
}

}  // namespace

std::vector<Command> routing_commands() {
  const Argument user{.name = "USER", .help = "Letters, digits and .-_@", .required = true};
  const Argument page{.name = "PAGE", .help = "error or maintenance", .required = true};
  return {
      command_of("routing", "Show how the router treats the app's requests", "berth routing", {},
                 show),
      command_of("routing:set", "Limit the app's requests, and say more of their routing",
                 "berth routing:set rate_limit=100/s max_body=10MiB",
                 {{.name = "NAME=VALUE",
                   .help = "Such as rate_limit=100/s",
                   .required = true,
                   .repeated = true}},
                 set, std::string(settings_help)),
      command_of("routing:unset", "Return settings of routing to their defaults",
                 "berth routing:unset rate_limit",
                 {{.name = "NAME", .help = "Such as rate_limit", .required = true,
                   .repeated = true}},
                 unset),
      command_of("routing:users:add", "Ask for a password, and let this user in",
                 "berth routing:users:add ada", {user}, add_user,
                 "From the first user on, requests without a user and password get 401 (HTTP Basic "
                 "authentication). The password is typed, or is a line of the input. A user that "
                 "exists gets the new one."),
      command_of("routing:users:remove", "Let a user in no more", "berth routing:users:remove ada",
                 {user}, remove_user),
      command_of("routing:pages:set", "Show a page of yours for errors, or for maintenance",
                 "berth routing:pages:set maintenance down.html",
                 {page, {.name = "FILE", .help = "HTML, at most 64 KiB", .required = true}},
                 set_page,
                 "Browsers get it; clients that ask for JSON or text get those. {{code}} and "
                 "{{request_id}} in it are replaced."),
      command_of("routing:pages:unset", "Show the router's own page again",
                 "berth routing:pages:unset maintenance", {page}, unset_page),
  };
}

}  // namespace berth::cli
