// SPDX-License-Identifier: Apache-2.0
#include "builder/buildpack_choice.hpp"

#include <algorithm>

namespace berth::builder {

namespace {

/// Reads the Procfile; every app has it, whoever chose its buildpacks.
constexpr std::string_view procfile_buildpack = "berth/procfile";

Result<std::vector<ChosenBuildpack>> of_lines(const std::vector<std::string>& lines) {
  std::vector<ChosenBuildpack> result;
  for (const auto& line : lines) {
    BERTH_ASSIGN(BuildpackSource source, parse_buildpack_source(line));
    result.emplace_back(std::move(source));
  }
  return result;
}

Result<std::vector<ChosenBuildpack>> of_project(const std::vector<ProjectBuildpack>& group) {
  std::vector<ChosenBuildpack> result;
  for (const auto& member : group) {
    if (member.script) {
      result.emplace_back(InlineBuildpack{
          member.id, member.version.empty() ? "0.0.1" : member.version, *member.script});
    } else if (!member.uri.empty()) {
      BERTH_ASSIGN(BuildpackSource source, parse_buildpack_uri(member.uri));
      result.emplace_back(std::move(source));
    } else {
      result.emplace_back(BuildpackSource{.kind = BuildpackSource::Kind::installed,
                                          .name = member.id,
                                          .reference = member.version});
    }
  }
  return result;
}

bool has(const OrderGroup& group, std::string_view id) {
  return std::any_of(group.begin(), group.end(),
                     [&](const BuildpackRef& ref) { return ref.id == id; });
}

}  // namespace

Result<BuildpackChoice> choose_buildpacks(const BuildpackWishes& wishes) {
  BuildpackChoice choice;
  BERTH_ASSIGN(choice.before, with_context(of_project(wishes.project.before), "project.toml"));
  BERTH_ASSIGN(choice.after, with_context(of_project(wishes.project.after), "project.toml"));
  if (!wishes.app.empty()) {
    choice.by = "berth buildpacks";
    BERTH_ASSIGN(choice.group, with_context(of_lines(wishes.app), choice.by));
  } else if (!wishes.url.empty()) {
    choice.by = "BUILDPACK_URL";
    BERTH_ASSIGN(choice.group, with_context(of_lines({wishes.url}), choice.by));
  } else if (!wishes.project.group.empty()) {
    choice.by = "project.toml";
    BERTH_ASSIGN(choice.group, with_context(of_project(wishes.project.group), choice.by));
  } else if (wishes.listed) {
    BERTH_ASSIGN(choice.group,
                 with_context(of_lines(parse_buildpacks_file(*wishes.listed)), ".buildpacks"));
    if (!choice.group.empty()) choice.by = ".buildpacks";
  }
  return choice;
}

OrderGroup complete_group(const OrderGroup& chosen, const Order& installed) {
  OrderGroup before;
  OrderGroup after;
  for (const auto& ref : chosen) {
    const auto home =
        std::find_if(installed.begin(), installed.end(), [&](const OrderGroup& group) {
          return std::any_of(group.begin(), group.end(), [&](const BuildpackRef& member) {
            return member.id == ref.id && !member.optional;
          });
        });
    if (home == installed.end()) continue;
    bool behind = false;
    for (const auto& member : *home) {
      behind = behind || member.id == ref.id;
      OrderGroup& side = behind ? after : before;
      if (member.optional && !has(chosen, member.id) && !has(before, member.id) &&
          !has(after, member.id))
        side.push_back(member);
    }
  }
  OrderGroup result = std::move(before);
  result.insert(result.end(), chosen.begin(), chosen.end());
  result.insert(result.end(), after.begin(), after.end());
  if (!has(result, procfile_buildpack))
    for (const auto& group : installed)
      if (has(group, procfile_buildpack)) {
        result.push_back({.id = std::string(procfile_buildpack), .version = "", .optional = true});
        break;
      }
  return result;
}

std::string alias_of(std::string_view id) {
  constexpr std::string_view theirs = "heroku/";
  if (!id.starts_with(theirs)) return {};
  return "berth/" + std::string(id.substr(theirs.size()));
}

}  // namespace berth::builder
