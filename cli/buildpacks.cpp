// SPDX-License-Identifier: Apache-2.0
//
// Buildpacks: what an app is built with, when its language is not to be detected.
#include <algorithm>

#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/resource.hpp"
#include "cli/session.hpp"

namespace berth::cli {

namespace {

using Sources = std::vector<std::string>;

Sources sources_in(const json::array& installations) {
  Sources sources;
  for (const auto& value : installations)
    if (const auto* entry = value.if_object())
      if (const auto* buildpack = entry->if_contains("buildpack"); buildpack)
        sources.push_back(field(object_or_empty(*buildpack), "url"));
  return sources;
}

Outcome<Sources> current(const Target& target) {
  BERTH_ASSIGN(const json::array list, target.api.list(target.path({"buildpack-installations"})));
  return sources_in(list);
}

std::string numbered(const Sources& sources) {
  std::string text;
  for (std::size_t i = 0; i < sources.size(); ++i)
    text += std::to_string(i + 1) + ". " + printable(sources[i]) + "\n";
  return text;
}

Outcome<int> list(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::array list, target.api.list(target.path({"buildpack-installations"})));
  if (arguments.has("json")) {
    session.print_json(list);
    return 0;
  }
  if (list.empty())
    session.note(target.app + " has no buildpacks of its own: its language is detected.");
  else
    session.print(numbered(sources_in(list)));
  return 0;
}

/// Sends the whole list and says what the next push will use.
Outcome<int> store(Session& session, const Arguments& arguments, const Target& target,
                   const Sources& sources) {
  json::array updates;
  for (const auto& source : sources) updates.push_back(json::object{{"buildpack", source}});
  BERTH_ASSIGN(const json::value answer,
               target.api.send("PUT", target.path({"buildpack-installations"}),
                               json::object{{"updates", std::move(updates)}}));
  if (arguments.has("json")) {
    session.print_json(answer);
    return 0;
  }
  if (sources.empty())
    session.print("The language of " + target.app + " is detected from its next build on\n");
  else
    session.print("The next build of " + target.app + " uses:\n" + numbered(sources));
  session.note("→ Next: git push");
  return 0;
}

/// --index counts from 1, as the list shows.
std::optional<std::size_t> index_of(const Arguments& arguments) {
  const auto number = arguments.number("index");
  return number ? std::optional(static_cast<std::size_t>(*number - 1)) : std::nullopt;
}

Outcome<void> check_new(const Sources& sources, const std::string& source) {
  if (std::ranges::find(sources, source) == sources.end()) return {};
  return failed("The buildpack " + printable(source) + " is in the list already.",
                "berth buildpacks");
}

Outcome<int> set(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(Sources sources, current(target));
  const std::string source = *arguments.text("buildpack");
  const std::size_t index = index_of(arguments).value_or(0);
  if (index < sources.size() && sources[index] == source)
    return store(session, arguments, target, sources);
  BERTH_TRY(check_new(sources, source));
  if (index < sources.size())
    sources[index] = source;
  else
    sources.push_back(source);
  return store(session, arguments, target, sources);
}

Outcome<int> add(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(Sources sources, current(target));
  const std::string source = *arguments.text("buildpack");
  BERTH_TRY(check_new(sources, source));
  const std::size_t index = std::min(index_of(arguments).value_or(sources.size()), sources.size());
  sources.insert(sources.begin() + static_cast<std::ptrdiff_t>(index), source);
  return store(session, arguments, target, sources);
}

Outcome<int> remove(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(Sources sources, current(target));
  const auto source = arguments.text("buildpack");
  const auto index = index_of(arguments);
  if (source.has_value() == index.has_value())
    return usage_failure("Name the buildpack, or its number with --index.", "berth buildpacks");
  auto found = index
                   ? sources.begin() + static_cast<std::ptrdiff_t>(std::min(*index, sources.size()))
                   : std::ranges::find(sources, *source);
  if (found == sources.end())
    return failed(target.app + " has no such buildpack in its list.", "berth buildpacks");
  sources.erase(found);
  return store(session, arguments, target, sources);
}

Outcome<int> clear(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  return store(session, arguments, target, {});
}

}  // namespace

std::vector<Command> buildpack_commands() {
  const Argument buildpack{
      .name = "BUILDPACK",
      .help = "acme/lang@1.0.0, ./folder, https://host/repo.git#ref, docker://host/image:tag",
      .required = true};
  const auto index = [](const char* help) {
    return Flag{.name = "--index", .letter = "-i", .value = "NUMBER", .help = help, .at_least = 1};
  };
  Argument optional = buildpack;
  optional.required = false;
  optional.help = "As the list shows it";
  return {
      {.name = "buildpacks",
       .group = "Buildpacks",
       .summary = "List the buildpacks that the app is built with",
       .example = "berth buildpacks",
       .for_app = true,
       .json = true,
       .run = list},
      {.name = "buildpacks:set",
       .group = "Buildpacks",
       .summary = "Build with this buildpack instead of the first, or of number NUMBER",
       .example = "berth buildpacks:set heroku/nodejs",
       .arguments = {buildpack},
       .flags = {index("The one to replace; 1 by default")},
       .for_app = true,
       .json = true,
       .run = set},
      {.name = "buildpacks:add",
       .group = "Buildpacks",
       .summary = "Build with one more buildpack, last or as number NUMBER",
       .example = "berth buildpacks:add --index 1 https://github.com/heroku/heroku-buildpack-apt",
       .arguments = {buildpack},
       .flags = {index("Where to insert it; last by default")},
       .for_app = true,
       .json = true,
       .run = add},
      {.name = "buildpacks:remove",
       .group = "Buildpacks",
       .summary = "Build without a buildpack, by name or number",
       .example = "berth buildpacks:remove --index 2",
       .arguments = {optional},
       .flags = {index("Its number in the list")},
       .for_app = true,
       .json = true,
       .run = remove},
      {.name = "buildpacks:clear",
       .group = "Buildpacks",
       .summary = "Detect the app's language again",
       .example = "berth buildpacks:clear",
       .for_app = true,
       .json = true,
       .run = clear},
  };
}

}  // namespace berth::cli
