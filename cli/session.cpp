// SPDX-License-Identifier: Apache-2.0
#include "cli/session.hpp"

#include <algorithm>

#include "cli/format.hpp"
#include "cli/git.hpp"

namespace berth::cli {

std::string Target::path(std::initializer_list<std::string_view> more) const {
  return api_path({"apps", app}) + api_path(more);
}

std::string app_of_git_url(std::string_view url) {
  const auto slash = url.rfind('/');
  if (slash == std::string_view::npos) return {};
  std::string name(url.substr(slash + 1));
  if (name.ends_with(".git")) name.resize(name.size() - 4);
  return name;
}

Session::Session(const Environment& environment_, Console& console_)
    : environment(environment_),
      console(console_),
      // https://no-color.org: set and not empty, whatever the value.
      colours_(environment_.variable("NO_COLOR").empty() &&
               environment_.variable("TERM") != "dumb") {}

void Session::print_json(const json::value& value) { print(pretty_json(value)); }

std::string Session::ago(const json::object& object, std::string_view key) const {
  const auto text = optional_string(object, key);
  return text ? relative_time(*text, now()) : std::string();
}

std::filesystem::path Session::contexts_file() const {
  const std::string configured = environment.variable("XDG_CONFIG_HOME");
  // Relative paths there are to be ignored (XDG base directory specification).
  const std::filesystem::path base =
      configured.starts_with('/') ? std::filesystem::path(configured)
                                  : std::filesystem::path(environment.variable("HOME")) / ".config";
  return base / "berth" / "config.json";
}

Outcome<Contexts> Session::contexts() const {
  auto loaded = load_contexts(contexts_file());
  if (loaded.has_error())
    return failed("The context file cannot be read: " + printable(loaded.error().message) + ".",
                  "mend or remove that file, then: berth login");
  return std::move(*loaded);
}

Outcome<void> Session::save(const Contexts& contexts) const {
  const auto saved = save_contexts(contexts_file(), contexts);
  if (saved.has_error())
    return failed("The context file cannot be written: " + printable(saved.error().message) + ".");
  return {};
}

Outcome<ApiClient> Session::api_of(const Contexts& contexts, const std::string& name) const {
  std::string url = environment.variable("BERTH_URL");
  std::string token = environment.variable("BERTH_TOKEN");
  while (url.ends_with('/')) url.pop_back();
  const auto found = contexts.all.find(name.empty() ? contexts.current : name);
  if (url.empty()) {
    url = found != contexts.all.end() ? found->second.url : std::string(default_url);
    if (token.empty() && found != contexts.all.end()) token = found->second.token;
  } else if (token.empty()) {
    // A token goes to the platform that it belongs to and to no other.
    const auto same = std::ranges::find_if(
        contexts.all, [&](const auto& entry) { return entry.second.url == url; });
    if (same != contexts.all.end()) token = same->second.token;
  }
  if (token.empty())
    return failed("You are not logged in to " + printable(url) + ".",
                  url == default_url ? "berth login" : "berth login --url " + printable(url),
                  ExitCode::not_logged_in);
  return ApiClient(url, token);
}

Outcome<ApiClient> Session::api() const {
  BERTH_ASSIGN(const Contexts known, contexts());
  return api_of(known, {});
}

std::string Session::remote_url(const std::string& remote) const {
  const auto url = git_config(environment.directory, "remote." + remote + ".url");
  return url.value_or("");
}

Outcome<Target> Session::target(const Arguments& arguments) const {
  BERTH_ASSIGN(const Contexts known, contexts());
  std::string context;
  std::string app = arguments.text("app").value_or(environment.variable("BERTH_APP"));
  if (app.empty()) {
    const std::string url = remote_url();
    app = app_of_git_url(url);
    context = known.at_origin(origin_of(url));
  }
  if (app.empty())
    return usage_failure("No app is named, and the git remote \"berth\" is not set here.",
                         "-a NAME (berth apps lists them), or: berth git:remote -a NAME");
  BERTH_ASSIGN(ApiClient api, api_of(known, context));
  return Target{.api = std::move(api), .app = std::move(app)};
}

}  // namespace berth::cli
