// SPDX-License-Identifier: Apache-2.0
#include "cli/cli.hpp"

#include <pwd.h>
#include <unistd.h>

#include <csignal>
#include <exception>
#include <filesystem>
#include <thread>

#include "base/nearest.hpp"
#include "cli/command.hpp"
#include "cli/format.hpp"
#include "cli/help.hpp"
#include "cli/parser.hpp"

extern char** environ;

namespace berth::cli {

namespace {

int fail(Session& session, const Failure& failure) {
  const Style style = session.error_style();
  session.note(style.paint(Colour::red, "Error: ") + failure.message);
  if (!failure.next.empty()) session.note(style.paint(Colour::cyan, "→ Try: ") + failure.next);
  return static_cast<int>(failure.code);
}

Failure unknown_command(const std::string& word) {
  if (word.starts_with('-'))
    return usage_failure("Options such as '" + printable(word) + "' stand behind the command.",
                         "berth COMMAND " + printable(word));
  std::vector<std::string> names;
  for (const auto& command : all_commands())
    if (!command.hidden) names.push_back(command.name);
  for (const auto& role : roles) names.emplace_back(role.name);
  const std::string near = nearest(word, names);
  return usage_failure("There is no command '" + printable(word) + "'.",
                       near.empty() ? "berth --help" : "berth " + near);
}

int show_help(Session& session, const std::vector<std::string>& words) {
  if (words.size() < 2 || words[1].starts_with('-')) {
    session.print(overview(session.style()));
    return 0;
  }
  const Command* command = find_command(words[1]);
  if (!command) return fail(session, unknown_command(words[1]));
  session.print(help_of(*command, session.style()));
  return 0;
}

int dispatch(Session& session, const std::vector<std::string>& words) {
  const std::string first = words.empty() ? "help" : words.front();
  if (first == "help" || first == "--help" || first == "-h") return show_help(session, words);
  const Command* command = find_command(first == "--version" ? "version" : first);
  if (!command) return fail(session, unknown_command(first));

  const auto arguments = parse_arguments(*command, {words.begin() + 1, words.end()});
  if (arguments.has_error()) {
    // "config set" is meant as "config:set".
    const std::string joined = words.size() > 1 ? first + ":" + words[1] : "";
    Failure failure = arguments.error();
    if (find_command(joined)) failure.next = "berth " + joined;
    return fail(session, failure);
  }
  if (arguments->has("help")) {
    session.print(help_of(*command, session.style()));
    return 0;
  }
  const auto code = command->run(session, *arguments);
  return code.has_error() ? fail(session, code.error()) : *code;
}

}  // namespace

int run(const Environment& environment, Console& console, const std::vector<std::string>& words) {
  Session session(environment, console);
  try {
    return dispatch(session, words);
  } catch (const std::exception& surprise) {
    return fail(session,
                failed(std::string("Something unexpected happened: ") + surprise.what() + "."));
  }
}

}  // namespace berth::cli

namespace berth {

int run_cli(int argc, char** argv) {
  // A reader that goes away is an error of write(2), which the console handles.
  ::signal(SIGPIPE, SIG_IGN);
  cli::Environment environment{
      .variables = {}, .directory = ".", .executable = {}, .now = now, .sleep = [](auto time) {
        std::this_thread::sleep_for(time);
      }};
  for (char** entry = environ; *entry; ++entry) {
    const std::string text(*entry);
    if (const auto equals = text.find('='); equals != std::string::npos)
      environment.variables[text.substr(0, equals)] = text.substr(equals + 1);
  }
  if (environment.variable("HOME").empty())
    // As under cron and in units of systemd.
    if (const passwd* user = ::getpwuid(::geteuid())) environment.variables["HOME"] = user->pw_dir;
  std::error_code ignored;
  environment.executable = std::filesystem::read_symlink("/proc/self/exe", ignored);
  const auto console = cli::standard_console();
  return cli::run(environment, *console, {argv + std::min(argc, 1), argv + argc});
}

}  // namespace berth
