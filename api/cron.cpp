// SPDX-License-Identifier: Apache-2.0
//
// The cron jobs of an app: when they run, what became of their runs; run one now, suspend, resume.
#include <algorithm>

#include "api/handlers.hpp"
#include "api/range.hpp"

namespace berth::api {

namespace {

Outcome<CronJobView> find_job(const Call& call, const platform::App& app) {
  const std::string& name = call.param("job");
  std::string known;
  for (const CronJobView& view : call.control().cron_jobs(app.id)) {
    if (view.job.name == name) return view;
    known += (known.empty() ? "" : ", ") + view.job.name;
  }
  return not_found("the app has no cron job '" + name.substr(0, 63) + "'" +
                       (known.empty() ? ": the app.json of the release that serves has none"
                                      : ". It has: " + known),
                   "cron-job");
}

json::object shape_of(const Call& call, const platform::App& app, const CronJobView& view) {
  const auto runs = call.store().cron_runs(app.id, view.job.name, 1);
  return call.render().cron_job(view, runs.empty() ? nullptr : &runs.front());
}

}  // namespace

Answer list_cron_jobs(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  json::array list;
  for (const CronJobView& view : call.control().cron_jobs(app.id))
    list.push_back(shape_of(call, app, view));
  return json_response(list);
}

Answer get_cron_job(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  BERTH_ASSIGN(const CronJobView view, find_job(call, app));
  return json_response(shape_of(call, app, view));
}

Answer update_cron_job(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  BERTH_ASSIGN(const CronJobView before, find_job(call, app));
  const auto suspended = optional_bool(call.body, "suspended");
  if (!suspended) return invalid_params(R"(give {"suspended":true} or {"suspended":false})");
  BERTH_TRY(call.control().suspend_cron_job(app.id, before.job.name, *suspended,
                                            call.actor().user));
  BERTH_ASSIGN(const CronJobView view, find_job(call, app));
  return json_response(shape_of(call, app, view));
}

Answer run_cron_job(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  BERTH_ASSIGN(const CronJobView view, find_job(call, app));
  BERTH_ASSIGN(const platform::CronRun run,
               call.control().run_cron_job(app.id, view.job.name, call.actor().user));
  return json_response(call.render().cron_run(run), 201);
}

/// Also those of jobs that the release does not have any more.
Answer list_cron_runs(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  std::vector<ListItem> items;
  for (const platform::CronRun& run : call.store().cron_runs(app.id))
    items.push_back({{run.id}, [&call, run] { return call.render().cron_run(run); }});
  return list_response(call.request, {"id"}, std::move(items));
}

Answer list_runs_of_cron_job(Call& call) {
  BERTH_ASSIGN(const platform::App app, call.app());
  std::vector<ListItem> items;
  for (const platform::CronRun& run : call.store().cron_runs(app.id, call.param("job")))
    items.push_back({{run.id}, [&call, run] { return call.render().cron_run(run); }});
  return list_response(call.request, {"id"}, std::move(items));
}

}  // namespace berth::api
