// SPDX-License-Identifier: Apache-2.0
//
// What cron jobs are to the controller: one-offs of the release that serves, which nobody attaches
// to. When and whether is decided by CronJobs.
#include "base/log.hpp"
#include "server/app_log.hpp"
#include "server/controller.hpp"

namespace berth::server {

CronPorts Controller::cron_ports() {
  return {.prepare = [this](const platform::AppId& app, const platform::CronJob& job)
              -> Result<CronPorts::Prepared> {
            BERTH_ASSIGN(const OneOffStarted prepared,
                         prepare_one_off(app, {.prefix = "cron." + job.name,
                                               .command = job.command,
                                               .env = {},
                                               .size = {}}));
            const runtime::ReplicaSpec spec = replicas_.at(prepared.id).status.spec;
            return CronPorts::Prepared{.replica = prepared.id.value,
                                       .process = spec.name,
                                       .start = [this, spec] { launch(spec); },
                                       .cancel = [this, id = spec.id] { one_off_failed(id); }};
          },
          .stop = [this](const std::string& replica) { stop_now(runtime::ReplicaId(replica)); },
          .log =
              [this](const platform::AppId& app, const std::string& process,
                     const std::string& text) {
                append_app_log(log_directory(app), process, text);
              }};
}

}  // namespace berth::server
