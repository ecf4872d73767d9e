// SPDX-License-Identifier: Apache-2.0
#include "cli/git.hpp"

#include <algorithm>

#include "base/child_process.hpp"
#include "cli/commands.hpp"
#include "cli/contexts.hpp"
#include "cli/format.hpp"
#include "cli/session.hpp"
#include "cli/shell_quote.hpp"

namespace berth::cli {

namespace {

using Words = std::vector<std::string>;

Result<Output> git(const std::filesystem::path& directory, Words words) {
  words.insert(words.begin(), {"git", "-C", directory.string()});
  return run_program({.argv = std::move(words)}, {}, std::chrono::seconds(10));
}

/// What git prints, without the line end; nothing if it fails.
std::optional<std::string> ask_git(const std::filesystem::path& directory, Words words) {
  auto output = git(directory, std::move(words));
  if (output.has_error() || !output->status.success()) return std::nullopt;
  std::string text = std::move(output->out);
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

Outcome<void> tell_git(const std::filesystem::path& directory, Words words) {
  const std::string what = "git " + words.front();
  const auto output = git(directory, std::move(words));
  if (output.has_error()) return failed(what + " failed: " + output.error().message + ".");
  if (!output->status.success()) return failed(what + " failed: " + printable(output->err) + ".");
  return {};
}

Outcome<int> set_remote(Session& session, const Arguments& arguments) {
  if (!in_git_repository(session.environment.directory))
    return failed("This directory is not in a git repository.", "git init");
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::object app, target.api.get_object(target.path()));
  const std::string url = optional_string(app, "git_url").value_or("");
  const std::string remote = arguments.text("remote").value_or(std::string(remote_name));
  BERTH_TRY(connect_repository(session, target.api.url(), remote, url));
  if (arguments.has("json"))
    session.print_json(json::object{{"remote", remote}, {"git_url", url}});
  else
    session.print("git remote \"" + remote + "\" is " + url + "\n");
  session.note("→ Next: " + push_command(session.environment.directory, remote));
  return 0;
}

/// The credential that the origin may have: of the context that lives there, else of the
/// environment, as CI has it.
std::optional<Context> context_for(const Session& session, const std::string& origin) {
  const auto known = session.contexts();
  if (known) {
    const std::string name = known->at_origin(origin);
    if (!name.empty()) return known->all.at(name);
  }
  const std::string token = session.environment.variable("BERTH_TOKEN");
  if (token.empty()) return std::nullopt;
  return Context{.url = {}, .token = token, .user = {}};
}

Outcome<int> credentials(Session& session, const Arguments& arguments) {
  std::string input;
  while (const auto line = session.console.read_line(true)) {
    if (line->empty()) break;
    input += *line + "\n";
  }
  auto attributes = parse_credential(input);
  const std::string origin = attributes["protocol"] + "://" + attributes["host"];
  const auto operation = arguments.text("operation").value_or("get");
  const auto context = context_for(session, origin_of(origin + "/"));
  if (operation == "get" && context)
    session.print("username=berth\npassword=" + context->token + "\n");
  else if (operation == "erase" && context && attributes["password"] == context->token)
    session.note("berth: " + printable(origin) + " did not accept your token.\n→ Try: berth login");
  return 0;  // Silence is git's sign to ask elsewhere; "store" has nothing to do.
}

}  // namespace

std::optional<std::string> git_config(const std::filesystem::path& directory,
                                      const std::string& key) {
  return ask_git(directory, {"config", "--get", key});
}

bool in_git_repository(const std::filesystem::path& directory) {
  return ask_git(directory, {"rev-parse", "--git-dir"}).has_value();
}

std::string current_branch(const std::filesystem::path& directory) {
  return ask_git(directory, {"symbolic-ref", "--quiet", "--short", "HEAD"}).value_or("");
}

std::string credential_helper(const std::filesystem::path& executable) {
  // git runs every form of helper through `sh -c` with the operation appended (git-credential's
  // credential.c sets use_shell), an absolute path too. So the path is quoted for that shell, and
  // "!" is the only form that lets the value begin with a quote.
  return "!" + shell_quote(executable.string()) + " git:credentials";
}

Outcome<void> connect_repository(Session& session, const std::string& api_url,
                                 const std::string& remote, const std::string& git_url) {
  const std::string origin = origin_of(git_url);
  if (origin.empty())
    return failed("The platform named no git address for this app ('" + printable(git_url) + "').",
                  "berth status");
  const auto& directory = session.environment.directory;
  const bool exists = git_config(directory, "remote." + remote + ".url").has_value();
  BERTH_TRY(tell_git(directory, {"remote", exists ? "set-url" : "add", "--", remote, git_url}));
  // The empty first value forgets helpers of wider scope: they would be offered the token to store,
  // and could answer with an old one.
  const std::string key = "credential." + origin + ".helper";
  BERTH_TRY(tell_git(directory, {"config", "--local", "--replace-all", key, ""}));
  BERTH_TRY(tell_git(directory, {"config", "--local", "--add", key,
                                 credential_helper(session.environment.executable)}));

  BERTH_ASSIGN(Contexts known, session.contexts());
  for (auto& [name, context] : known.all) {
    auto& origins = context.git_origins;
    if (context.url != api_url || std::ranges::find(origins, origin) != origins.end()) continue;
    origins.push_back(origin);
    return session.save(known);
  }
  return {};
}

std::map<std::string, std::string> parse_credential(std::string_view text) {
  std::map<std::string, std::string> attributes;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    if (const auto equals = line.find('='); equals != std::string_view::npos)
      attributes[std::string(line.substr(0, equals))] = std::string(line.substr(equals + 1));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return attributes;
}

std::string push_command(const std::filesystem::path& directory, const std::string& remote) {
  const std::string branch = current_branch(directory);
  // Only main and master deploy (docs/api.md).
  const bool deploys = branch.empty() || branch == "main" || branch == "master";
  return "git push " + remote + " " + (deploys ? (branch.empty() ? "main" : branch) : "HEAD:main");
}

std::vector<Command> git_commands() {
  return {
      {.name = "git:remote",
       .group = "Apps",
       .summary = "Point this repository's git remote at an app",
       .example = "berth git:remote -a hello && git push berth main",
       .flags = {{.name = "--remote",
                  .letter = "-r",
                  .value = "NAME",
                  .help = "The remote's name (berth)"}},
       .for_app = true,
       .json = true,
       .details =
           "Also sets the credential helper of the app's git host in this repository, so that\n"
           "git asks for no password.",
       .run = set_remote},
      {.name = "git:credentials",
       .group = "Apps",
       .summary = "Answer git's question for a password (a git credential helper)",
       .example = "git config credential.http://git.localhost:8080.helper '!berth git:credentials'",
       .arguments = {{.name = "OPERATION", .help = "get, store or erase, as git says it"}},
       .details =
           "Reads protocol= and host= on standard input. The token is given only to hosts of\n"
           "platforms that you are logged in to.",
       .run = credentials},
  };
}

}  // namespace berth::cli
