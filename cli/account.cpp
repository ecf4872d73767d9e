// SPDX-License-Identifier: Apache-2.0
//
// Who and where: login, logout, whoami, the contexts, and the tokens of the account.
#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/resource.hpp"
#include "cli/session.hpp"
#include "cli/table.hpp"

namespace berth::cli {

namespace {

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '/' || text.back() == ' ')) text.pop_back();
  return text;
}

Outcome<std::string> token_from_user(Session& session, const Arguments& arguments,
                                     const std::string& url) {
  if (auto token = arguments.text("token")) return std::move(*token);
  if (session.console.in_is_terminal()) session.console.err("Token for " + printable(url) + ": ");
  auto line = session.console.read_line(false);
  if (!line || line->empty())
    return usage_failure("No token was given.", "berth login --token TOKEN");
  return std::move(*line);
}

Outcome<int> login(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(Contexts known, session.contexts());
  std::string url = arguments.text("url").value_or(session.environment.variable("BERTH_URL"));
  if (url.empty() && known.in_use()) url = known.in_use()->url;
  if (url.empty()) url = default_url;
  url = trimmed(url);
  if (origin_of(url).empty())
    return usage_failure("'" + printable(url) + "' is not an HTTP address.",
                         "berth login --url " + std::string(default_url));
  BERTH_ASSIGN(const std::string token, token_from_user(session, arguments, url));

  auto account = ApiClient(url, token).get_object("/account");
  if (account.has_error()) {
    Failure failure = account.error();
    if (failure.code == ExitCode::not_logged_in) {
      failure.message = url + " does not accept this token.";
      failure.next = "berth tokens:create, where you are logged in, makes a new one";
    }
    return failure;
  }
  const std::string name = arguments.text("context").value_or([&] {
    for (const auto& [existing, context] : known.all)
      if (context.url == url) return existing;
    return default_context_name(url);
  }());
  auto& context = known.all[name];
  if (context.url != url) context.git_origins.clear();
  context.url = url;
  context.token = token;
  context.user = field(*account, "email");
  known.current = name;
  BERTH_TRY(session.save(known));
  if (arguments.has("json"))
    session.print_json(*account);
  else
    session.print(fmt::format("Logged in to {} as {} (context {})\n", url, context.user, name));
  return 0;
}

Outcome<int> logout(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(Contexts known, session.contexts());
  const std::string name = arguments.text("context").value_or(known.current);
  const auto found = known.all.find(name);
  if (found == known.all.end()) {
    session.note("You are not logged in.");
    return 0;
  }
  const std::string url = found->second.url;
  known.all.erase(found);
  if (known.current == name) known.current = known.all.empty() ? "" : known.all.begin()->first;
  BERTH_TRY(session.save(known));
  session.note("Logged out of " + url + " here. The token itself stays valid until it is revoked.");
  if (!known.current.empty()) session.note("The context in use is now " + known.current + ".");
  return 0;
}

Outcome<int> whoami(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const ApiClient api, session.api());
  BERTH_ASSIGN(const json::object account, api.get_object("/account"));
  if (arguments.has("json"))
    session.print_json(account);
  else
    session.print(printable(field(account, "email")) + "\n");
  return 0;
}

Outcome<int> show_contexts(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Contexts known, session.contexts());
  if (arguments.has("json")) {
    json::array all;
    for (const auto& [name, context] : known.all)
      all.push_back(json::object{{"name", name},
                                 {"url", context.url},
                                 {"user", context.user},
                                 {"current", name == known.current}});
    session.print_json(all);
    return 0;
  }
  if (known.all.empty()) {
    session.note("You are logged in nowhere.\n→ Try: berth login");
    return 0;
  }
  Table table({"", "NAME", "URL", "USER"});
  for (const auto& [name, context] : known.all)
    table.add({name == known.current ? Cell("*", Colour::green) : Cell(""),
               Cell(name, Colour::cyan), context.url, context.user});
  session.print(table.render(session.style(), session.console.columns()));
  return 0;
}

Outcome<int> use_context(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(Contexts known, session.contexts());
  const std::string name = *arguments.text("name");
  if (!known.all.contains(name))
    return failed("There is no context '" + printable(name) + "'.", "berth context");
  known.current = name;
  BERTH_TRY(session.save(known));
  session.print("The context in use is " + name + " (" + known.all.at(name).url + ")\n");
  return 0;
}

Outcome<int> remove_context(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(Contexts known, session.contexts());
  const std::string name = *arguments.text("name");
  if (known.all.erase(name) == 0)
    return failed("There is no context '" + printable(name) + "'.", "berth context");
  if (known.current == name) known.current = known.all.empty() ? "" : known.all.begin()->first;
  BERTH_TRY(session.save(known));
  session.print("Removed the context " + name + "\n");
  return 0;
}

Outcome<int> list_tokens(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const ApiClient api, session.api());
  BERTH_ASSIGN(const json::array tokens, api.list("/oauth/authorizations"));
  if (arguments.has("json")) {
    session.print_json(tokens);
    return 0;
  }
  Table table({"ID", "DESCRIPTION", "CREATED", "EXPIRES"});
  for (const auto& value : tokens) {
    const auto* token = value.if_object();
    if (!token) continue;
    const auto created = parse_rfc3339(field(*token, "created_at"));
    const auto* access = optional_object(*token, "access_token");
    const auto seconds = access ? optional_int(*access, "expires_in") : std::nullopt;
    std::string expires = "never";
    if (seconds && created)
      expires = relative_time(*created + std::chrono::seconds(*seconds), session.now());
    table.add({field(*token, "id"), field(*token, "description"), session.ago(*token, "created_at"),
               expires});
  }
  session.print(table.render(session.style(), session.console.columns()));
  return 0;
}

Outcome<int> create_token(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const ApiClient api, session.api());
  json::object body{{"description", arguments.text("description").value_or("berth command line")}};
  if (const auto days = arguments.number("days")) body["expires_in"] = std::int64_t{*days} * 86400;
  BERTH_ASSIGN(const json::value made, api.send("POST", "/oauth/authorizations", body));
  if (arguments.has("json")) {
    session.print_json(made);
    return 0;
  }
  const auto* object = made.if_object();
  const auto* access = object ? optional_object(*object, "access_token") : nullptr;
  if (!access) return failed("The platform made a token but did not show it.", "berth tokens");
  session.print(field(*access, "token") + "\n");
  session.note("It is shown this once. Log in with it: berth login --url " + api.url());
  return 0;
}

Outcome<int> revoke_token(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const ApiClient api, session.api());
  const std::string id = *arguments.text("id");
  BERTH_ASSIGN(const json::value gone,
               api.send("DELETE", api_path({"oauth", "authorizations", id}), nullptr));
  if (arguments.has("json"))
    session.print_json(gone);
  else
    session.print("Revoked the token " + printable(id) + "\n");
  return 0;
}

std::vector<Command> token_commands() {
  return {
      {.name = "tokens",
       .group = "Account",
       .summary = "List the account's tokens, without their secrets",
       .example = "berth tokens",
       .json = true,
       .aliases = {"authorizations"},
       .run = list_tokens},
      {.name = "tokens:create",
       .group = "Account",
       .summary = "Make a token and print it once",
       .example = "berth tokens:create -d ci --days 90",
       .flags =
           {{.name = "--description", .letter = "-d", .value = "TEXT", .help = "What it is for"},
            {.name = "--days",
             .value = "DAYS",
             .help = "Valid so long; for ever if not given",
             .at_least = 1}},
       .json = true,
       .aliases = {"authorizations:create"},
       .run = create_token},
      {.name = "tokens:revoke",
       .group = "Account",
       .summary = "Make a token worthless",
       .example = "berth tokens:revoke 01234567-89ab-cdef-0123-456789abcdef",
       .arguments = {{.name = "ID", .help = "As berth tokens shows it", .required = true}},
       .json = true,
       .aliases = {"authorizations:revoke"},
       .run = revoke_token},
  };
}

}  // namespace

std::vector<Command> account_commands() {
  std::vector<Command> commands = {
      {.name = "login",
       .group = "Account",
       .summary = "Check a token and keep it for further commands",
       .example = "berth login --url http://api.example.com < token-file",
       .flags = {{.name = "--token",
                  .value = "TOKEN",
                  .help = "Else it is read from standard input (asked for on a terminal)"},
                 {.name = "--url",
                  .value = "URL",
                  .help = "The API's address ($BERTH_URL, the context in use, " +
                          std::string(default_url) + ")"},
                 {.name = "--context", .value = "NAME", .help = "A name for this platform"}},
       .json = true,
       .details = "The token is kept in ~/.config/berth/config.json, readable by you alone.",
       .aliases = {"auth:login"},
       .run = login},
      {.name = "logout",
       .group = "Account",
       .summary = "Forget the token of the context in use",
       .example = "berth logout",
       .flags = {{.name = "--context",
                  .value = "NAME",
                  .help = "Another context's",
                  .names = Names::context}},
       .aliases = {"auth:logout"},
       .run = logout},
      {.name = "whoami",
       .group = "Account",
       .summary = "Show whose token is in use",
       .example = "berth whoami",
       .json = true,
       .aliases = {"auth:whoami"},
       .run = whoami},
      {.name = "context",
       .group = "Account",
       .summary = "List the platforms that you are logged in to",
       .example = "berth context",
       .json = true,
       .aliases = {"contexts"},
       .run = show_contexts},
      {.name = "context:use",
       .group = "Account",
       .summary = "Use another platform from now on",
       .example = "berth context:use production",
       .arguments =
           {{.name = "NAME", .help = "A context", .required = true, .names = Names::context}},
       .run = use_context},
      {.name = "context:remove",
       .group = "Account",
       .summary = "Forget a platform and its token",
       .example = "berth context:remove old",
       .arguments =
           {{.name = "NAME", .help = "A context", .required = true, .names = Names::context}},
       .run = remove_context},
  };
  for (auto& command : token_commands()) commands.push_back(std::move(command));
  return commands;
}

}  // namespace berth::cli
