// SPDX-License-Identifier: Apache-2.0
#include "builder/plan.hpp"

#include <algorithm>
#include <map>

#include "builder/toml.hpp"

namespace berth::builder {

namespace {

constexpr std::size_t most_trials = 65536;

Result<PlanOption> parse_option(const json::object& object) {
  PlanOption option;
  if (const json::array* provides = optional_array(object, "provides"))
    for (const auto& value : *provides) {
      if (!value.is_object()) return Error{ErrorKind::invalid, "a [[provides]] is not a table"};
      BERTH_ASSIGN(std::string name,
                   with_context(require_string(value.get_object(), "name"), "[[provides]]"));
      option.provides.push_back(std::move(name));
    }
  if (const json::array* wanted = optional_array(object, "requires"))
    for (const auto& value : *wanted) {
      if (!value.is_object()) return Error{ErrorKind::invalid, "a [[requires]] is not a table"};
      const json::object& entry = value.get_object();
      BERTH_ASSIGN(std::string name, with_context(require_string(entry, "name"), "[[requires]]"));
      if (entry.contains("version"))
        return Error{ErrorKind::invalid, "[[requires]] " + name +
                                             ": 'version' stands under [requires.metadata] since "
                                             "buildpack API 0.3"};
      const json::object* metadata = optional_object(entry, "metadata");
      option.requirements.push_back({std::move(name), metadata ? *metadata : json::object()});
    }
  return option;
}

/// One option chosen for every element of a trial.
struct Choice {
  std::size_t element;
  bool optional;
  const PlanOption* option;
};

struct Dependency {
  std::vector<std::size_t> providers;
  std::vector<std::size_t> unused;  ///< provided, and not required since
  std::vector<std::size_t> early;   ///< required by these before anybody provides it
  std::vector<Requirement> requirements;
};

using Dependencies = std::map<std::string, Dependency>;

Dependencies collect(const std::vector<Choice>& trial) {
  Dependencies result;
  for (const auto& choice : trial) {
    for (const auto& name : choice.option->provides) result[name].unused.push_back(choice.element);
    for (const auto& requirement : choice.option->requirements) {
      Dependency& dependency = result[requirement.name];
      dependency.providers.insert(dependency.providers.end(), dependency.unused.begin(),
                                  dependency.unused.end());
      dependency.unused.clear();
      if (dependency.providers.empty())
        dependency.early.push_back(choice.element);
      else
        dependency.requirements.push_back(requirement);
    }
  }
  return result;
}

enum class Removal { none, removed, failed };

class Resolver final {
 public:
  explicit Resolver(const std::vector<PlanElement>& elements) : elements_(elements) {}

  PlanResult run() {
    auto resolution = try_from(0, {});
    if (trials_ > most_trials) why_ = "the buildpacks offer more alternatives than can be tried";
    return {std::move(resolution), std::move(why_)};
  }

 private:
  std::optional<PlanResolution> try_from(std::size_t index, std::vector<Choice> trial) {
    if (trials_ > most_trials) return std::nullopt;
    if (index == elements_.size()) {
      ++trials_;
      return resolve(std::move(trial));
    }
    const PlanElement& element = elements_[index];
    for (std::size_t i = 0; i < element.options.size(); ++i) {
      // An optional element may go only when its last alternative has failed.
      const bool optional = element.optional && i + 1 == element.options.size();
      std::vector<Choice> next = trial;
      next.push_back({index, optional, &element.options[i]});
      if (auto found = try_from(index + 1, std::move(next))) return found;
    }
    return std::nullopt;
  }

  std::optional<PlanResolution> resolve(std::vector<Choice> trial) {
    for (;;) {
      if (trial.empty()) {
        why_ = "no buildpack is left";
        return std::nullopt;
      }
      const Dependencies dependencies = collect(trial);
      Removal removal = remove_unmet(trial, dependencies);
      if (removal == Removal::none) removal = remove_unused(trial, dependencies);
      if (removal == Removal::failed) return std::nullopt;
      if (removal == Removal::none) return finish(trial, dependencies);
    }
  }

  Removal remove_unmet(std::vector<Choice>& trial, const Dependencies& dependencies) {
    for (const auto& [name, dependency] : dependencies)
      if (!dependency.early.empty())
        return remove(trial, dependency.early.front(),
                      " needs '" + name + "', which nothing before it provides");
    return Removal::none;
  }

  Removal remove_unused(std::vector<Choice>& trial, const Dependencies& dependencies) {
    for (const auto& [name, dependency] : dependencies)
      if (!dependency.unused.empty())
        return remove(trial, dependency.unused.front(),
                      " provides '" + name + "', which nothing needs");
    return Removal::none;
  }

  Removal remove(std::vector<Choice>& trial, std::size_t element, const std::string& reason) {
    const auto choice = std::find_if(trial.begin(), trial.end(), [&](const Choice& candidate) {
      return candidate.element == element;
    });
    if (!choice->optional) {
      why_ = elements_[element].name + reason;
      return Removal::failed;
    }
    trial.erase(choice);
    return Removal::removed;
  }

  static PlanResolution finish(const std::vector<Choice>& trial, const Dependencies& dependencies) {
    PlanResolution resolution;
    for (const auto& choice : trial) resolution.group.push_back(choice.element);
    for (const auto& [name, dependency] : dependencies)
      resolution.entries.push_back({name, dependency.providers, dependency.requirements});
    return resolution;
  }

  const std::vector<PlanElement>& elements_;
  std::size_t trials_ = 0;
  std::string why_;
};

}  // namespace

Result<std::vector<PlanOption>> parse_plan(std::string_view text) {
  BERTH_ASSIGN(const json::object document, parse_toml(text));
  std::vector<PlanOption> options;
  BERTH_ASSIGN(PlanOption first, parse_option(document));
  options.push_back(std::move(first));
  if (const json::array* others = optional_array(document, "or"))
    for (const auto& value : *others) {
      if (!value.is_object()) return Error{ErrorKind::invalid, "an [[or]] is not a table"};
      BERTH_ASSIGN(PlanOption option, parse_option(value.get_object()));
      options.push_back(std::move(option));
    }
  return options;
}

PlanResult resolve_plan(const std::vector<PlanElement>& elements) {
  return Resolver(elements).run();
}

}  // namespace berth::builder
