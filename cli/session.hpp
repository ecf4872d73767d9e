// SPDX-License-Identifier: Apache-2.0
//
// One run of one command: its surroundings, its console, and the answers to "which platform?" and
// "which app?".
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "cli/api_client.hpp"
#include "cli/command.hpp"
#include "cli/console.hpp"
#include "cli/contexts.hpp"
#include "cli/style.hpp"

namespace berth::cli {

/// The world around a command, as values.
struct Environment {
  std::map<std::string, std::string> variables;
  std::filesystem::path directory;   ///< where the command runs
  std::filesystem::path executable;  ///< this program, absolute
  std::function<Time()> now;
  std::function<void(std::chrono::milliseconds)> sleep;

  [[nodiscard]] std::string variable(const std::string& name) const {
    const auto found = variables.find(name);
    return found == variables.end() ? std::string() : found->second;
  }
};

inline constexpr std::string_view default_url = "http://127.0.0.1:7070";
inline constexpr std::string_view remote_name = "berth";

/// The platform and the app that a command is about.
struct Target {
  ApiClient api;
  std::string app;

  /// "/apps/hello", with more parts behind it.
  [[nodiscard]] std::string path(std::initializer_list<std::string_view> more = {}) const;
};

class Session {
 public:
  Session(const Environment& environment, Console& console);

  /// The platform: $BERTH_URL with $BERTH_TOKEN (or the token of a context at that URL), else the
  /// context in use. Fails if that gives no token.
  [[nodiscard]] Outcome<ApiClient> api() const;
  /// The app: --app, else $BERTH_APP, else the git remote "berth", whose address then also says
  /// which of several contexts is meant.
  [[nodiscard]] Outcome<Target> target(const Arguments& arguments) const;
  /// The app that a git remote names ("" if there is none) without asking the platform.
  [[nodiscard]] std::string remote_url(const std::string& remote = std::string(remote_name)) const;

  [[nodiscard]] std::filesystem::path contexts_file() const;
  [[nodiscard]] Outcome<Contexts> contexts() const;
  [[nodiscard]] Outcome<void> save(const Contexts& contexts) const;

  /// To standard output.
  void print(std::string_view text) { console.out(text); }
  void print_json(const json::value& value);
  /// To standard error: a line that says what was done or what to do next.
  void note(std::string_view text) { console.err(std::string(text) + "\n"); }
  [[nodiscard]] Style style() const { return {.on = colours_ && console.out_is_terminal()}; }
  [[nodiscard]] Style error_style() const { return {.on = colours_ && console.err_is_terminal()}; }
  [[nodiscard]] Time now() const { return environment.now(); }
  /// "3 min ago" for a field of a resource that is a timestamp; "" if it is null.
  [[nodiscard]] std::string ago(const json::object& object, std::string_view key) const;

  const Environment& environment;
  Console& console;

 private:
  [[nodiscard]] Outcome<ApiClient> api_of(const Contexts& contexts, const std::string& name) const;
  bool colours_;
};

/// "hello" of "http://git.localhost:8080/hello.git"; empty if the URL names none.
[[nodiscard]] std::string app_of_git_url(std::string_view url);

}  // namespace berth::cli
