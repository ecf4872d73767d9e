// SPDX-License-Identifier: Apache-2.0
#include "builder/detect_phase.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <optional>
#include <set>
#include <thread>

#include "builder/failure.hpp"
#include "builder/order.hpp"

namespace berth::builder {

namespace {

constexpr std::size_t longest_output = 64 << 10;
constexpr int fail_code = 100;  ///< "this app is not mine"; any other failure is an error
constexpr std::size_t parallel = 2;

struct Detection {
  enum class Verdict { pass, fail, error } verdict = Verdict::error;
  std::string output;
  std::string why;  ///< of an error
  std::vector<PlanOption> options;
};

class Detector final {
 public:
  Detector(const BuildContext& context, Workspace& workspace,
           const std::vector<std::string>& expected)
      : context_(context), workspace_(workspace), expected_(expected) {
    const auto all = context.installed.set.all();
    for (std::size_t i = 0; i < all.size(); ++i) numbers_[all[i]] = i;
  }

  Result<DetectedGroup> run() {
    BERTH_ASSIGN(const auto groups, expand_order(context_.installed.order, context_.installed.set,
                                                 execution_environment));
    for (std::size_t i = 0; i < groups.size(); ++i) {
      BERTH_TRY(run_missing(groups[i]));
      if (auto found = evaluate(groups[i])) {
        if (context_.other_way && knows_no_language(*found)) return DetectedGroup{};
        BERTH_TRY(note_runners_up({groups.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                   groups.end()}, *found));
        return std::move(*found);
      }
    }
    if (context_.other_way) return DetectedGroup{};
    return nothing_detected();
  }

 private:
  /// What takes any app: it says nothing of what the app is.
  static bool knows_no_language(const DetectedGroup& group) {
    return std::ranges::all_of(group.buildpacks, [](const Buildpack* buildpack) {
      return buildpack->id == "berth/procfile" || buildpack->id == "berth/apt";
    });
  }

  /// Runs what has not run for an earlier group.
  Result<void> run_missing(const Group& group) {
    std::vector<const Buildpack*> missing;
    for (const auto& element : group)
      if (!results_.contains(element.buildpack)) missing.push_back(element.buildpack);
    std::vector<std::optional<Result<Detection>>> results(missing.size());
    std::atomic<std::size_t> next = 0;
    const auto work = [&] {
      for (std::size_t i = next++; i < missing.size(); i = next++)
        results[i] = run_one(*missing[i]);
    };
    std::vector<std::thread> threads;
    for (std::size_t i = 1; i < std::min(parallel, missing.size()); ++i) threads.emplace_back(work);
    work();
    for (auto& thread : threads) thread.join();
    for (std::size_t i = 0; i < missing.size(); ++i) {
      BERTH_ASSIGN(results_[missing[i]], std::move(*results[i]));
      order_run_.push_back(missing[i]);
    }
    return {};
  }

  Result<Detection> run_one(const Buildpack& buildpack) const {
    Detection detection;
    if (!matches(buildpack, context_.target)) {
      detection.why = "it is not for " + context_.target.os + "/" + context_.target.arch;
      return detection;
    }
    if (buildpack.api >= 12 && !for_environment(buildpack.exec_env, execution_environment)) {
      detection.verdict = Detection::Verdict::fail;
      return detection;
    }
    const std::string plan = Workspace::plan_name(numbers_.at(&buildpack));
    const std::string plan_path = std::string(plans_path) + "/" + plan;
    SandboxCommand command{
        .argv = {path_inside(buildpack) + "/bin/detect", std::string(platform_path), plan_path},
        .env = context_.environment_for(buildpack, context_.inherited),
        .working_directory = std::string(app_path),
        .uid = build_uid,
        .gid = build_gid,
        .timeout = context_.time_left()};
    command.env["CNB_BUILD_PLAN_PATH"] = plan_path;
    BERTH_ASSIGN(
        const SandboxExit exit, workspace_.sandbox().run(command, [&](std::string_view text) {
          detection.output.append(
              text.substr(0, longest_output - std::min(longest_output, detection.output.size())));
        }));
    const std::string what = buildpack.id + " (detect)";
    if (exit.cancelled || exit.timed_out)
      return explain_exit(exit, context_.request.limits, context_.request.timeout, what);
    if (exit.status == ExitStatus{.code = fail_code, .signal = 0}) {
      detection.verdict = Detection::Verdict::fail;
    } else if (!exit.status.success()) {
      detection.why =
          explain_exit(exit, context_.request.limits, context_.request.timeout, what).message;
    } else {
      read_plan(plan, detection);
    }
    return detection;
  }

  void read_plan(const std::string& name, Detection& detection) const {
    const auto text = workspace_.plans().read(name);
    auto options = text.has_error() ? Result<std::vector<PlanOption>>(text.error())
                                    : parse_plan(text->value_or(""));
    if (options.has_error()) {
      detection.why = "its build plan is wrong: " + options.error().message;
      return;
    }
    detection.options = std::move(*options);
    detection.verdict = Detection::Verdict::pass;
  }

  std::optional<DetectedGroup> evaluate(const Group& group) {
    std::vector<const Buildpack*> passed;
    std::vector<PlanElement> elements;
    for (const auto& element : group) {
      const auto result = results_.find(element.buildpack);
      if (result == results_.end()) return std::nullopt;
      if (result->second.verdict != Detection::Verdict::pass) {
        if (!element.optional) return std::nullopt;
        continue;
      }
      passed.push_back(element.buildpack);
      elements.push_back({element.buildpack->id, element.optional, result->second.options});
    }
    if (passed.empty()) return std::nullopt;
    const PlanResult plan = resolve_plan(elements);
    if (!plan.resolution) {
      plan_failures_.push_back(plan.why);
      return std::nullopt;
    }
    DetectedGroup detected;
    std::map<std::size_t, std::size_t> position;
    for (const std::size_t index : plan.resolution->group) {
      position[index] = detected.buildpacks.size();
      detected.buildpacks.push_back(passed[index]);
    }
    detected.entries = plan.resolution->entries;
    for (auto& entry : detected.entries)
      for (auto& provider : entry.providers) provider = position.at(provider);
    return detected;
  }

  /// Whoever pushes an app for the first time, or one that is recognised as another, is told of all
  /// that would have taken it too. Later only what is known anyway: it costs what detection costs.
  Result<void> note_runners_up(const std::vector<Group>& later, DetectedGroup& found) {
    std::vector<std::string> ids;
    for (const auto* buildpack : found.buildpacks) ids.push_back(buildpack->id);
    if (ids != expected_) {
      Group rest;
      for (const auto& group : later)
        for (const auto& element : group)
          if (std::ranges::none_of(rest, [&](const auto& other) {
                return other.buildpack == element.buildpack;
              }))
            rest.push_back(element);
      BERTH_TRY(run_missing(rest));
    }
    for (const auto& group : later) note_runner_up(group, found);
    return {};
  }

  void note_runner_up(const Group& group, DetectedGroup& found) {
    const auto other = evaluate(group);
    if (!other) return;
    for (const auto* buildpack : other->buildpacks) {
      const bool chosen = std::find(found.buildpacks.begin(), found.buildpacks.end(), buildpack) !=
                          found.buildpacks.end();
      const bool named = std::find(found.runners_up.begin(), found.runners_up.end(),
                                   buildpack->name) != found.runners_up.end();
      if (!chosen && !named) found.runners_up.push_back(buildpack->name);
    }
  }

  /// Everything that was tried, so that the reader sees which file was expected.
  Error nothing_detected() {
    bool broken = false;
    context_.title("No buildpack recognised this app. What was looked for:");
    for (const auto* buildpack : order_run_) {
      const Detection& detection = results_.at(buildpack);
      std::string text = buildpack->name;
      if (detection.verdict == Detection::Verdict::error) {
        broken = true;
        text += ": " + detection.why;
      } else if (detection.verdict == Detection::Verdict::pass) {
        text += ": would take part, but not alone";
      } else if (detection.output.empty() && !buildpack->description.empty()) {
        text += ": " + buildpack->description;
      }
      context_.line(text);
      if (!detection.output.empty()) context_.sink(log_lines("  " + detection.output));
    }
    for (const auto& why : std::set<std::string>(plan_failures_.begin(), plan_failures_.end()))
      context_.line("A group passed, but its build plan does not resolve: " + why);
    context_.line("In the pushed directory: " + people_list(root_names()));
    if (broken)
      return with_code({ErrorKind::invalid,
                        "no buildpack takes this app, and at least one failed while it looked; see "
                        "the log above"},
                       LifecycleCode::detect_failed);
    if (!context_.chosen_by.empty())
      return with_code({ErrorKind::invalid,
                        "the buildpacks that " + context_.chosen_by +
                            " names do not all recognise this app. Correct the list, or remove it "
                            "to have the app's language detected."},
                       LifecycleCode::nothing_detected);
    return with_code({ErrorKind::invalid,
                      "no buildpack recognised this app. The file that names its language "
                      "(package.json, requirements.txt, go.mod, Cargo.toml, index.html, …) must "
                      "stand at the top of the pushed directory, committed."},
                     LifecycleCode::nothing_detected);
  }

  std::vector<std::string> root_names() const {
    std::vector<std::string> names = workspace_.app().list("");
    constexpr std::size_t most_shown = 12;
    if (names.size() > most_shown) {
      const std::size_t more = names.size() - most_shown;
      names.resize(most_shown);
      names.push_back(std::to_string(more) + " more");
    }
    return names;
  }

  const BuildContext& context_;
  Workspace& workspace_;
  const std::vector<std::string>& expected_;
  std::map<const Buildpack*, std::size_t> numbers_;
  std::map<const Buildpack*, Detection> results_;
  std::vector<const Buildpack*> order_run_;
  std::vector<std::string> plan_failures_;
};

}  // namespace

Result<DetectedGroup> detect(const BuildContext& context, Workspace& workspace,
                             const std::vector<std::string>& expected) {
  return Detector(context, workspace, expected).run();
}

}  // namespace berth::builder
