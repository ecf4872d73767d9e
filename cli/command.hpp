// SPDX-License-Identifier: Apache-2.0
//
// Commands as data. One table says what a command is called, takes, prints and does; parsing, help,
// completion and the reference page all read it, so none of them can disagree with another.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "cli/failure.hpp"

namespace berth::cli {

class Session;

/// What a word on the command line names, for completion.
enum class Names { nothing, app, process_type, context, command, shell };

struct Argument {
  std::string name;  ///< "NAME"; read by its lower-case form
  std::string help;
  bool required = false;
  bool repeated = false;  ///< takes all words that are left
  Names names = Names::nothing;
};

struct Flag {
  std::string name;         ///< "--lines"; read as "lines"
  std::string letter = {};  ///< "-n" or nothing
  std::string value = {};   ///< "LINES"; empty for a switch
  std::string help;
  bool repeated = false;
  /// The value is a whole number of at least this.
  std::optional<int> at_least = {};
  Names names = Names::nothing;
};

/// What stood on the command line, by the names in the table.
class Arguments {
 public:
  void add(std::string_view name, std::string value) {
    values_[std::string(name)].push_back(std::move(value));
  }
  [[nodiscard]] bool has(std::string_view name) const {
    return values_.contains(std::string(name));
  }
  /// The value, or nothing; of a repeated one the last.
  [[nodiscard]] std::optional<std::string> text(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> list(std::string_view name) const;
  /// Words of the form NAME=VALUE as fields; a failure names the first that is none, and `example`.
  [[nodiscard]] Outcome<json::object> pairs(std::string_view name, std::string example) const;
  /// Only for a Flag with at_least, which the parser has checked.
  [[nodiscard]] std::optional<int> number(std::string_view name) const;

 private:
  std::map<std::string, std::vector<std::string>> values_;
};

struct Command {
  std::string name;   ///< "config:set"
  std::string group;  ///< the heading in `berth --help`
  std::string summary;
  std::string example;
  std::vector<Argument> arguments = {};
  std::vector<Flag> flags = {};
  bool for_app = false;  ///< adds -a/--app
  bool json = false;     ///< adds --json
  bool rest = false;     ///< from the first word that is no option on, words are not ours to parse
  std::string details = {};
  std::vector<std::string> aliases = {};  ///< names that users of similar platforms type
  bool hidden = false;
  /// The exit code, or why there is none.
  Outcome<int> (*run)(Session&, const Arguments&) = nullptr;
};

/// The long-running roles of the same program, which are dispatched before the command line is.
/// They are listed among the commands and described by their own --help.
struct Role {
  std::string_view name;
  std::string_view summary;
};
inline constexpr std::array<Role, 3> roles = {
    {{"server", "Run the control plane; 'berth server --help' tells its options"},
     {"router", "Run the HTTP router by itself; the server starts one otherwise"},
     {"teardown", "Stop what a stopped server leaves running: router, replicas"}}};
inline constexpr std::string_view roles_group = "Platform";

/// All commands, in the order of `berth --help`.
[[nodiscard]] const std::vector<Command>& all_commands();
/// By name or alias.
[[nodiscard]] const Command* find_command(std::string_view name);
/// The command's own flags and those that for_app and json add; --help last.
[[nodiscard]] std::vector<Flag> flags_of(const Command& command);

}  // namespace berth::cli
