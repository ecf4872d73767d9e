// SPDX-License-Identifier: Apache-2.0
//
// `berth pipelines`: apps in stages, and the same image from one stage to the next.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/resource.hpp"
#include "cli/session.hpp"
#include "cli/table.hpp"

namespace berth::cli {

namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 3> stages = {"development", "staging", "production"};
constexpr auto look_every = 500ms;
constexpr std::string_view group = "Previews and pipelines";

Outcome<int> list(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const ApiClient api, session.api());
  BERTH_ASSIGN(const json::array all, api.list("/pipelines"));
  if (arguments.has("json")) {
    session.print_json(all);
    return 0;
  }
  if (all.empty()) {
    session.note("There are no pipelines yet.\n"
                 "→ Try: berth pipelines:create NAME -a APP --stage production");
    return 0;
  }
  Table table;
  for (const auto& value : all)
    table.add({Cell(field(object_or_empty(value), "name"), Colour::cyan)});
  session.print(table.render(session.style()));
  return 0;
}

Outcome<json::object> add_app(const Target& target, const std::string& pipeline,
                              const Arguments& arguments) {
  BERTH_ASSIGN(const json::value made,
               target.api.send("POST", "/pipeline-couplings",
                               json::object{{"app", target.app},
                                            {"pipeline", pipeline},
                                            {"stage", arguments.text("stage").value_or("")}}));
  return object_or_empty(made);
}

Outcome<int> report_added(Session& session, const Arguments& arguments, const Target& target,
                          const json::object& coupling) {
  if (arguments.has("json"))
    session.print_json(coupling);
  else
    session.print(fmt::format("{} is in the pipeline {}, in {}\n", target.app,
                              printable(field(coupling, "pipeline", "name")),
                              printable(field(coupling, "stage"))));
  return 0;
}

/// The stage is checked first: a pipeline that stays empty would only be in the way.
Outcome<void> check_stage(const Arguments& arguments, const std::string& command) {
  const std::string stage = arguments.text("stage").value_or("");
  if (std::ranges::find(stages, stage) != stages.end()) return {};
  return usage_failure("Say in which stage the app is: --stage development, staging or production.",
                       "berth " + command + " shop --stage production");
}

Outcome<int> create(Session& session, const Arguments& arguments) {
  BERTH_TRY(check_stage(arguments, "pipelines:create"));
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_TRY(target.api.get_object(target.path()));
  BERTH_ASSIGN(const json::value made,
               target.api.send("POST", "/pipelines",
                               json::object{{"name", *arguments.text("name")}}));
  const std::string id = field(object_or_empty(made), "id");
  const auto coupling = add_app(target, id, arguments);
  if (coupling.has_error()) {
    // Nothing is left half done.
    BERTH_TRY(target.api.send("DELETE", api_path({"pipelines", id}), nullptr));
    return coupling.error();
  }
  return report_added(session, arguments, target, *coupling);
}

Outcome<int> add(Session& session, const Arguments& arguments) {
  BERTH_TRY(check_stage(arguments, "pipelines:add"));
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::object coupling, add_app(target, *arguments.text("name"), arguments));
  return report_added(session, arguments, target, coupling);
}

Outcome<int> remove(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::object coupling,
               target.api.get_object(target.path({"pipeline-couplings"})));
  BERTH_ASSIGN(const json::value gone,
               target.api.send("DELETE", api_path({"pipeline-couplings", field(coupling, "id")}),
                               nullptr));
  if (arguments.has("json"))
    session.print_json(gone);
  else
    session.print(fmt::format("Took {} out of the pipeline {}\n", target.app,
                              printable(field(coupling, "pipeline", "name"))));
  return 0;
}

Outcome<int> destroy(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const ApiClient api, session.api());
  const std::string name = *arguments.text("name");
  BERTH_ASSIGN(const json::value gone, api.send("DELETE", api_path({"pipelines", name}), nullptr));
  if (arguments.has("json"))
    session.print_json(gone);
  else
    session.print("Destroyed the pipeline " + printable(name) + "; its apps stay\n");
  return 0;
}

/// The release that serves an app, or an empty object.
Outcome<json::object> current_release(const ApiClient& api, const std::string& app) {
  BERTH_ASSIGN(const json::array releases,
               api.list(api_path({"apps", app, "releases"}), "version ..; max=50, order=desc"));
  for (const auto& value : releases)
    if (optional_bool(object_or_empty(value), "current").value_or(false))
      return object_or_empty(value);
  return json::object{};
}

Outcome<int> info(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const ApiClient api, session.api());
  const std::string name = *arguments.text("name");
  BERTH_ASSIGN(json::object pipeline, api.get_object(api_path({"pipelines", name})));
  BERTH_ASSIGN(const json::array couplings,
               api.list(api_path({"pipelines", name, "pipeline-couplings"})));
  if (arguments.has("json")) {
    pipeline["apps"] = couplings;
    session.print_json(pipeline);
    return 0;
  }
  Table table({"STAGE", "APP", "RELEASE", "COMMIT", "IMAGE", "RELEASED"});
  for (const auto& value : couplings) {
    const json::object coupling = object_or_empty(value);
    const std::string app = field(coupling, "app", "name");
    BERTH_ASSIGN(const json::object release, current_release(api, app));
    const std::string image = field(release, "image");
    table.add({field(coupling, "stage"), Cell(app, Colour::cyan), version_text(release, "version"),
               field(release, "commit").substr(0, 7),
               image.substr(std::min<std::size_t>(image.find(':') + 1, image.size()), 12),
               session.ago(release, "created_at")});
  }
  session.print(session.style().paint(Colour::bold, printable(field(pipeline, "name"))) + "\n" +
                table.render(session.style(), session.console.columns(), 2));
  return 0;
}

/// Ids and names of the apps in the stage after this one.
Outcome<json::array> next_apps(const Target& target, const json::object& coupling) {
  const std::string stage = field(coupling, "stage");
  const auto at = std::ranges::find(stages, stage);
  if (at == stages.end() || at + 1 == stages.end())
    return failed(target.app + " is in " + printable(stage) + ": no stage comes after it.",
                  "berth pipelines:promote -a " + target.app + " --to OTHER-APP");
  BERTH_ASSIGN(const json::array couplings,
               target.api.list(api_path({"pipelines", field(coupling, "pipeline", "id"),
                                         "pipeline-couplings"})));
  json::array apps;
  for (const auto& value : couplings)
    if (const json::object other = object_or_empty(value); field(other, "stage") == *(at + 1))
      apps.push_back(json::object{{"app", {{"id", field(other, "app", "id")}}}});
  if (apps.empty())
    return failed("The pipeline " + printable(field(coupling, "pipeline", "name")) +
                      " has no app in " + std::string(*(at + 1)) + ", to which " + target.app +
                      " would be promoted.",
                  "berth pipelines:add " + printable(field(coupling, "pipeline", "name")) +
                      " -a APP --stage " + std::string(*(at + 1)));
  return apps;
}

Outcome<json::array> named_apps(const Target& target, const std::string& names) {
  json::array apps;
  for (std::size_t begin = 0; begin <= names.size();) {
    const std::size_t end = std::min(names.find(',', begin), names.size());
    const std::string name = names.substr(begin, end - begin);
    begin = end + 1;
    if (name.empty()) continue;
    BERTH_ASSIGN(const json::object app, target.api.get_object(api_path({"apps", name})));
    apps.push_back(json::object{{"app", {{"id", field(app, "id")}}}});
  }
  return apps;
}

/// Looks until every target's release is settled.
Outcome<json::array> wait_for(Session& session, const Target& target, const std::string& id) {
  for (;;) {
    BERTH_ASSIGN(const json::array targets,
                 target.api.list(api_path({"pipeline-promotions", id, "promotion-targets"})));
    const bool pending = std::ranges::any_of(targets, [](const json::value& value) {
      return field(object_or_empty(value), "status") == "pending";
    });
    if (!pending) return targets;
    session.environment.sleep(look_every);
  }
}

Outcome<int> promote(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::object coupling,
               target.api.get_object(target.path({"pipeline-couplings"})));
  const std::string to = arguments.text("to").value_or("");
  json::array apps;
  if (to.empty()) {
    BERTH_ASSIGN(apps, next_apps(target, coupling));
  } else {
    BERTH_ASSIGN(apps, named_apps(target, to));
  }
  BERTH_ASSIGN(const json::value made,
               target.api.send(
                   "POST", "/pipeline-promotions",
                   json::object{{"pipeline", {{"id", field(coupling, "pipeline", "id")}}},
                                {"source", {{"app", {{"id", field(coupling, "app", "id")}}}}},
                                {"targets", apps}}));
  BERTH_ASSIGN(const json::array targets,
               wait_for(session, target, field(object_or_empty(made), "id")));
  const bool any_failed = std::ranges::any_of(targets, [](const json::value& value) {
    return field(object_or_empty(value), "status") != "succeeded";
  });
  if (arguments.has("json")) {
    session.print_json(targets);
    return any_failed ? 1 : 0;
  }
  for (const auto& value : targets) {
    const json::object result = object_or_empty(value);
    const std::string status = field(result, "status");
    const std::string message = field(result, "error_message");
    session.print(fmt::format("{}: {}{}\n", printable(field(result, "app", "name")),
                              session.style().paint(colour_of_state(status), status),
                              message.empty() ? "" : ": " + printable(message)));
  }
  return any_failed ? 1 : 0;
}

}  // namespace

std::vector<Command> pipeline_commands() {
  const Argument name = {.name = "NAME", .help = "The pipeline", .required = true};
  const Flag stage = {.name = "--stage",
                      .value = "STAGE",
                      .help = "development, staging or production"};
  return {
      {.name = "pipelines",
       .group = std::string(group),
       .summary = "List the pipelines",
       .example = "berth pipelines",
       .json = true,
       .run = list},
      {.name = "pipelines:info",
       .group = std::string(group),
       .summary = "Show the apps of a pipeline, by stage, and what serves in each",
       .example = "berth pipelines:info shop",
       .arguments = {name},
       .json = true,
       .aliases = {"pipelines:diff"},
       .run = info},
      {.name = "pipelines:create",
       .group = std::string(group),
       .summary = "Create a pipeline with an app in it",
       .example = "berth pipelines:create shop -a shop --stage production",
       .arguments = {name},
       .flags = {stage},
       .for_app = true,
       .json = true,
       .run = create},
      {.name = "pipelines:add",
       .group = std::string(group),
       .summary = "Put an app into a stage of a pipeline",
       .example = "berth pipelines:add shop -a shop-staging --stage staging",
       .arguments = {name},
       .flags = {stage},
       .for_app = true,
       .json = true,
       .run = add},
      {.name = "pipelines:remove",
       .group = std::string(group),
       .summary = "Take an app out of its pipeline",
       .example = "berth pipelines:remove -a shop-staging",
       .for_app = true,
       .json = true,
       .run = remove},
      {.name = "pipelines:promote",
       .group = std::string(group),
       .summary = "Release the app's image, as it is, in the apps of the next stage",
       .example = "berth pipelines:promote -a shop-staging",
       .flags = {{.name = "--to",
                  .value = "APPS",
                  .help = "These apps of the pipeline instead: names with commas between them"}},
       .for_app = true,
       .json = true,
       .details = "Nothing is built. Each app keeps its own config vars, runs its release command "
                  "and rolls out; if one fails, it goes on as it was, and so do the others.",
       .run = promote},
      {.name = "pipelines:destroy",
       .group = std::string(group),
       .summary = "Destroy a pipeline; its apps stay",
       .example = "berth pipelines:destroy shop",
       .arguments = {name},
       .json = true,
       .run = destroy},
  };
}

}  // namespace berth::cli
