// SPDX-License-Identifier: Apache-2.0
//
// How a release fares that serves: a canary beside the release before it, and one that crashes soon
// after it got everything.
#include <algorithm>
#include <functional>
#include <utility>

#include "base/log.hpp"
#include "base/sqlite.hpp"
#include "server/app_log.hpp"
#include "server/controller.hpp"

namespace berth::server {

namespace {

const platform::Actor platform_itself{.user = "berth"};

runtime::AnsweredRequests answered(const json::object& sample, std::string_view key) {
  runtime::AnsweredRequests result;
  const json::object* part = optional_object(sample, key);
  if (!part) return result;
  const auto count = [](std::int64_t value) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(value, 0));
  };
  result.count = count(optional_int(*part, "requests").value_or(0));
  result.failed = count(optional_int(*part, "failed").value_or(0));
  if (const json::array* buckets = optional_array(*part, "latency"))
    for (const json::value& value : *buckets) {
      const json::array* pair = value.if_array();
      if (!pair || pair->size() != 2 || !(*pair)[0].is_int64() || !(*pair)[1].is_int64()) continue;
      const std::uint64_t bucket = count((*pair)[0].get_int64());
      if (bucket < result.latency.size()) result.latency[bucket] += count((*pair)[1].get_int64());
    }
  return result;
}

/// A full disk: the next look decides again.
void unless_full(const platform::App& app, const std::function<void()>& change) {
  try {
    change();
  } catch (const DatabaseFull& full) {
    log_error("{}: {}", app.name, full.what());
  }
}

}  // namespace

void Controller::note_canary(AppRecord& record, int version) {
  if (std::exchange(record.canary, version) != version) record.trial = {.since = now()};
}

void Controller::compare_canary(AppRecord& record, const json::object& sample) {
  record.trial.canary += answered(sample, "canary");
  record.trial.regular += answered(sample, "regular");
}

void Controller::judge_canary(const platform::App& app, AppRecord& record) {
  const auto target = parts_.store.target_release(app.id);
  if (!target || !target->is_canary() || target->version != record.canary) return;
  const runtime::Verdict verdict = judge(record.trial, app.rollout.promote, now());
  if (verdict.kind == runtime::Verdict::Kind::wait) return;
  const bool good = verdict.kind == runtime::Verdict::Kind::promote;
  unless_full(app, [&] {
    const auto done =
        good ? parts_.store.promote_canary(app.id, platform_itself, verdict.why)
             : parts_.store.abort_canary(app.id, platform_itself, "as a canary, " + verdict.why);
    if (done.has_error()) return;
    append_app_log(log_directory(app.id), "api",
                   "Release v" + std::to_string(target->version) +
                       (good ? " is promoted: " : " failed as a canary: ") + verdict.why);
  });
  reconcile(app.id);
}

api::CanaryView Controller::canary(const platform::AppId& app) const {
  const auto record = apps_.find(app);
  if (record == apps_.end() || record->second.canary == 0) return {};
  const auto view = [](const runtime::AnsweredRequests& answered) {
    return api::AnsweredView{.requests = answered.count,
                             .failed = answered.failed,
                             .p95_us = histogram::percentile(answered.latency, 0.95)};
  };
  const runtime::CanaryTrial& trial = record->second.trial;
  return {.since = trial.since, .canary = view(trial.canary), .regular = view(trial.regular)};
}

std::optional<platform::Release> Controller::release_before(const platform::App& app,
                                                            const platform::Release& target) {
  if (target.stays || now() >= target.updated_at + app.rollout.rollback) return std::nullopt;
  const std::string content = content_of(app.id, target.version);
  for (const platform::Release& release : parts_.store.releases(app.id))
    if (release.status == platform::ReleaseStatus::succeeded && !release.image.empty() &&
        release.version < target.version && content_of(app.id, release.version) != content &&
        parts_.images.find(release.image).has_value())
      return release;
  return std::nullopt;
}

void Controller::roll_back(const platform::App& app, const runtime::RollBack& crash) {
  const auto crashed = parts_.store.find_release(app.id, std::to_string(crash.version));
  if (crashed.has_error()) return;
  const auto good = release_before(app, *crashed);
  if (!good) return;
  unless_full(app, [&] {
    const auto made = parts_.store.roll_back_crashed(*crashed, *good, crash.why);
    if (made.has_error()) return;
    append_app_log(log_directory(app.id), "api",
                   "Release v" + std::to_string(crashed->version) +
                       " crashed: " + crash.why + ". Rolling back to v" +
                       std::to_string(good->version) + " as v" + std::to_string(made->version));
  });
  reconcile(app.id);
}

}  // namespace berth::server
