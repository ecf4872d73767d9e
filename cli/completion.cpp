// SPDX-License-Identifier: Apache-2.0
#include "cli/completion.hpp"

#include <algorithm>

#include "cli/commands.hpp"
#include "cli/completion_scripts.hpp"
#include "cli/resource.hpp"
#include "cli/session.hpp"

namespace berth::cli {

namespace {

constexpr auto patience = std::chrono::seconds(1);

void keep_matching(std::vector<Candidate>& candidates, std::string_view prefix) {
  std::erase_if(candidates, [prefix](const Candidate& candidate) {
    return !candidate.text.starts_with(prefix);
  });
}

std::vector<Candidate> command_names() {
  std::vector<Candidate> candidates;
  for (const auto& command : all_commands())
    if (!command.hidden) candidates.push_back({command.name, command.summary});
  for (const auto& role : roles)
    candidates.push_back({std::string(role.name), std::string(role.summary)});
  candidates.push_back({"help", "Show the commands, or one of them"});
  return candidates;
}

const Flag* flag_named(const std::vector<Flag>& flags, std::string_view word) {
  const auto found = std::ranges::find_if(flags, [word](const Flag& flag) {
    return flag.name == word || (!flag.letter.empty() && flag.letter == word);
  });
  return found == flags.end() ? nullptr : &*found;
}

/// What the words before the last one say about it.
struct Position {
  const Flag* value_of = nullptr;  ///< it is the value of this flag
  std::size_t index = 0;           ///< else it is this argument
  bool after_rest = false;         ///< or not ours
  std::string app;
};

Position position_of(const Command& command, const std::vector<Flag>& flags,
                     const std::vector<std::string>& words) {
  Position position;
  for (std::size_t i = 1; i + 1 < words.size(); ++i) {
    const std::string& word = words[i];
    if (position.value_of) {
      if (position.value_of->name == "--app") position.app = word;
      position.value_of = nullptr;
    } else if (const Flag* flag = flag_named(flags, word)) {
      if (!flag->value.empty()) position.value_of = flag;
    } else if (word == "--" || (command.rest && !word.starts_with('-'))) {
      position.after_rest = command.rest;
    } else if (!word.starts_with('-')) {
      ++position.index;
    }
  }
  return position;
}

std::vector<Candidate> named(const Command& command, Names kind, const std::string& app,
                             const NameSource& names) {
  std::vector<Candidate> candidates;
  if (kind == Names::shell) return {{"bash"}, {"zsh"}};
  if (kind == Names::command) return command_names();
  if (kind == Names::nothing) return candidates;
  for (auto& name : names(kind, app)) {
    if (command.name == "ps:scale") name += "=";
    candidates.push_back({std::move(name)});
  }
  return candidates;
}

std::vector<std::string> look_up(Session& session, Names kind, const std::string& app) {
  std::vector<std::string> found;
  const auto take = [&found](const Outcome<json::array>& list, std::string_view key) {
    if (!list) return;
    for (const auto& value : *list)
      if (const auto* object = value.if_object()) found.push_back(field(*object, key));
  };
  if (kind == Names::context) {
    if (const auto known = session.contexts())
      for (const auto& [name, context] : known->all) found.push_back(name);
  } else if (kind == Names::app) {
    if (auto api = session.api()) {
      api->set_deadline(patience);
      take(api->list("/apps"), "name");
    }
  } else if (kind == Names::process_type) {
    Arguments arguments;
    if (!app.empty()) arguments.add("app", app);
    if (auto target = session.target(arguments)) {
      target->api.set_deadline(patience);
      take(target->api.list(target->path({"formation"})), "type");
    }
  }
  return found;
}

Outcome<int> print_candidates(Session& session, const Arguments& arguments) {
  const auto names = [&session](Names kind, const std::string& app) {
    return look_up(session, kind, app);
  };
  for (const auto& candidate : complete(arguments.list("words"), names))
    session.print(candidate.text +
                  (arguments.has("described") ? "\t" + candidate.description : "") + "\n");
  return 0;
}

Outcome<int> print_script(Session& session, const Arguments& arguments) {
  const std::string shell = *arguments.text("shell");
  if (shell != "bash" && shell != "zsh")
    return usage_failure("There is completion for bash and zsh, not for '" + shell + "'.",
                         "berth completion bash");
  session.print(shell == "bash" ? bash_completion_script : zsh_completion_script);
  return 0;
}

}  // namespace

std::vector<Candidate> complete(const std::vector<std::string>& words, const NameSource& names) {
  if (words.empty()) return {};
  std::vector<Candidate> candidates;
  const std::string& last = words.back();
  if (words.size() == 1) {
    candidates = command_names();
  } else if (words.front() == "help") {
    candidates = command_names();
  } else if (const Command* command = find_command(words.front())) {
    const auto flags = flags_of(*command);
    const Position at = position_of(*command, flags, words);
    if (at.after_rest) return {};
    if (at.value_of) {
      candidates = named(*command, at.value_of->names, at.app, names);
    } else if (last.starts_with('-')) {
      for (const auto& flag : flags) candidates.push_back({flag.name, flag.help});
    } else if (!command->rest && !command->arguments.empty()) {
      const auto& arguments = command->arguments;
      const bool more = at.index < arguments.size() || arguments.back().repeated;
      const auto& argument = arguments[std::min(at.index, arguments.size() - 1)];
      if (more) candidates = named(*command, argument.names, at.app, names);
    }
  }
  keep_matching(candidates, last);
  return candidates;
}

std::vector<Command> completion_commands() {
  return {
      {.name = "completion",
       .group = "Platform",
       .summary = "Print the completion script of a shell",
       .example = "source <(berth completion bash)",
       .arguments =
           {{.name = "SHELL", .help = "bash or zsh", .required = true, .names = Names::shell}},
       .details = "bash: put the example's line into ~/.bashrc.\n"
                  "zsh:  berth completion zsh > ~/.zfunc/_berth, with ~/.zfunc in $fpath.",
       .run = print_script},
      {.name = "__complete",
       .group = "Platform",
       .summary = "Print what could stand at the end of a command line",
       .example = "berth __complete -- ps:sc",
       .arguments = {{.name = "WORDS",
                      .help = "After berth; the last is completed",
                      .repeated = true}},
       .flags = {{.name = "--described", .help = "With a tab and a description"}},
       .rest = true,
       .hidden = true,
       .run = print_candidates},
  };
}

}  // namespace berth::cli
