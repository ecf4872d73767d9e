// SPDX-License-Identifier: Apache-2.0
//
// `berth rollout` and `berth releases:canary`: how an app's replicas are replaced.
#include <fmt/format.h>

#include "cli/commands.hpp"
#include "cli/format.hpp"
#include "cli/resource.hpp"
#include "cli/session.hpp"
#include "cli/table.hpp"

namespace berth::cli {

namespace {

void show_rollout(Session& session, const Arguments& arguments, const json::object& rollout) {
  if (arguments.has("json")) {
    session.print_json(rollout);
    return;
  }
  Fields fields;
  fields.add("Surge", field(rollout, "surge"));
  fields.add("Unavailable", field(rollout, "unavailable"));
  fields.add("Rollback", field(rollout, "rollback"));
  fields.add("Canary", field(rollout, "canary"));
  fields.add("Promote", field(rollout, "promote"));
  session.print(fields.render(session.style()));
}

Outcome<int> show(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::object rollout, target.api.get_object(target.path({"rollout"})));
  show_rollout(session, arguments, rollout);
  return 0;
}

Outcome<int> change(Session& session, const Arguments& arguments, const json::object& changes) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::value after,
               target.api.send("PATCH", target.path({"rollout"}), changes));
  show_rollout(session, arguments, object_or_empty(after));
  return 0;
}

Outcome<int> set(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const json::object changes,
               arguments.pairs("key=value", "berth rollout:set surge=1"));
  return change(session, arguments, changes);
}

Outcome<int> unset(Session& session, const Arguments& arguments) {
  json::object changes;
  for (const std::string& key : arguments.list("key")) changes[key] = nullptr;
  return change(session, arguments, changes);
}

/// "1240 requests, 0.2 % failed, 95 % took up to 18 ms"
std::string answered(const json::object& trial, std::string_view part) {
  const auto* requests = optional_object(trial, part);
  if (!requests || number(*requests, "requests") == 0) return "no request yet";
  const auto p95 = requests->find("p95_ms");
  const double p95_ms =
      p95 != requests->end() && p95->value().is_number() ? p95->value().to_number<double>() : 0;
  const auto count = static_cast<double>(number(*requests, "requests"));
  return fmt::format("{} requests, {:.1f} % failed, 95 % took up to {:.0f} ms",
                     number(*requests, "requests"),
                     100 * static_cast<double>(number(*requests, "failed")) / count, p95_ms);
}

Outcome<int> show_canary(Session& session, const Arguments& arguments, const Target& target) {
  BERTH_ASSIGN(const json::object trial, target.api.get_object(target.path({"canary"})));
  if (arguments.has("json")) {
    session.print_json(trial);
    return 0;
  }
  const auto* release = optional_object(trial, "release");
  const std::string promote = field(trial, "promote");
  const std::string since = session.ago(trial, "since");
  Fields fields;
  fields.add("Release", release ? version_text(*release, "version") + ": " +
                                      printable(field(*release, "description"))
                                : std::string());
  fields.add("Share", fmt::format("{}% of the requests", number(trial, "weight")));
  fields.add("Since", since.empty() ? "its replicas start" : since);
  fields.add("Canary", answered(trial, "canary"));
  fields.add("Others", answered(trial, "regular"));
  fields.add("Promoted", promote == "manual" ? "by berth releases:promote"
                                             : "by itself, if it fares well for " + promote);
  session.print(fields.render(session.style()));
  return 0;
}

/// "5%" or "5"; 0: something else.
int percent_of(std::string word) {
  if (word.ends_with('%')) word.pop_back();
  if (word.empty() || word.size() > 2 || word.find_first_not_of("0123456789") != std::string::npos)
    return 0;
  return std::stoi(word);
}

Outcome<int> canary(Session& session, const Arguments& arguments) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  const auto which = arguments.text("release");
  const auto weight = arguments.text("weight");
  if (!which && !weight) return show_canary(session, arguments, target);
  const int percent = percent_of(weight.value_or("5%"));
  if (percent == 0)
    return usage_failure("--weight is the part of the requests, 1% to 99%.",
                         "berth releases:canary v12 --weight 5%");
  std::string release = which.value_or("");
  if (release.empty()) {
    BERTH_ASSIGN(const json::object trial, target.api.get_object(target.path({"canary"})));
    const auto* present = optional_object(trial, "release");
    if (present) release = version_text(*present, "version");
  }
  BERTH_ASSIGN(const json::value made,
               target.api.send("POST", target.path({"canary"}),
                               json::object{{"release", release}, {"weight", percent}}));
  if (arguments.has("json")) {
    session.print_json(made);
    return 0;
  }
  const json::object after = object_or_empty(made);
  session.print(fmt::format("{}: {} ({}) gets {}% of the requests\n", target.app,
                            version_text(after, "version"),
                            printable(field(after, "description")), percent));
  session.note("→ Next: berth releases:canary -a " + target.app + ", to see how it fares");
  return 0;
}

Outcome<int> end_canary(Session& session, const Arguments& arguments, const std::string& action,
                        std::string_view said) {
  BERTH_ASSIGN(const Target target, session.target(arguments));
  BERTH_ASSIGN(const json::value made,
               target.api.send("POST", target.path({"canary", "actions", action}), json::object{}));
  if (arguments.has("json")) {
    session.print_json(made);
    return 0;
  }
  session.print(fmt::format("{}: {} {}\n", target.app,
                            version_text(object_or_empty(made), "version"), said));
  return 0;
}

Outcome<int> promote(Session& session, const Arguments& arguments) {
  return end_canary(session, arguments, "promote", "is promoted: it gets all requests");
}

Outcome<int> abort(Session& session, const Arguments& arguments) {
  return end_canary(session, arguments, "abort", "is aborted: it gets no requests");
}

}  // namespace

std::vector<Command> rollout_commands() {
  return {
      {.name = "releases:canary",
       .group = "Config and releases",
       .summary = "Give a release a part of the requests, or show how the one fares that has it",
       .example = "berth releases:canary v12 --weight 5%",
       .arguments = {{.name = "RELEASE", .help = "v12 or an id; the canary if not given"}},
       .flags = {{.name = "--weight", .value = "PERCENT", .help = "Of the requests (5%)"}},
       .for_app = true,
       .json = true,
       .details = "The release's web replicas run beside those that serve. It is promoted or "
                  "aborted by hand, or by itself as `berth rollout` says.",
       .run = canary},
      {.name = "releases:promote",
       .group = "Config and releases",
       .summary = "Give the canary all requests",
       .example = "berth releases:promote",
       .for_app = true,
       .json = true,
       .run = promote},
      {.name = "releases:abort",
       .group = "Config and releases",
       .summary = "Take the canary's requests away; what served goes on",
       .example = "berth releases:abort",
       .for_app = true,
       .json = true,
       .run = abort},
      {.name = "rollout",
       .group = "Config and releases",
       .summary = "Show how the app's replicas are replaced",
       .example = "berth rollout",
       .for_app = true,
       .json = true,
       .run = show},
      {.name = "rollout:set",
       .group = "Config and releases",
       .summary = "Say how the app's replicas are replaced",
       .example = "berth rollout:set surge=1 canary=5% promote=10m",
       .arguments = {{.name = "KEY=VALUE",
                      .help = "surge, unavailable, rollback, canary or promote",
                      .required = true,
                      .repeated = true}},
       .for_app = true,
       .json = true,
       .details = "surge: replicas more than the type has while they are replaced (1, 25%). "
                  "unavailable: fewer (0). rollback: a release that crashes so soon is rolled back "
                  "(5m, off). canary: the part of the requests that a new release gets first (5%, "
                  "off). promote: after this time, if it fares well, it gets all (10m, manual).",
       .run = set},
      {.name = "rollout:unset",
       .group = "Config and releases",
       .summary = "Return to the default of some of these settings",
       .example = "berth rollout:unset canary",
       .arguments = {{.name = "KEY",
                      .help = "surge, unavailable, rollback, canary or promote",
                      .required = true,
                      .repeated = true}},
       .for_app = true,
       .json = true,
       .run = unset},
  };
}

}  // namespace berth::cli
