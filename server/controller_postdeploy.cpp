// SPDX-License-Identifier: Apache-2.0
//
// app.json's postdeploy script: a one-off, once in an app's life, when its first release serves.
// The store says that it has begun before it begins: it is never run twice.
#include <boost/asio/post.hpp>

#include <algorithm>

#include "base/log.hpp"
#include "base/sqlite.hpp"
#include "platform/process_type.hpp"
#include "server/app_log.hpp"
#include "server/controller.hpp"

namespace berth::server {

using platform::Store;

void Controller::begin_postdeploy(const platform::AppId& app) {
  if (parts_.store.postdeploy(app) != Store::Postdeploy::due) return;
  const auto release = parts_.store.serving_release(app);
  if (!release) return;
  try {
    parts_.store.set_postdeploy(app, Store::Postdeploy::running, "started");
  } catch (const DatabaseFull& full) {
    log_error("postdeploy of {}: {}", app.value, full.what());  // due at the next start
    return;
  }
  auto prepared =
      prepare_one_off(app, {.prefix = std::string(platform::postdeploy_prefix),
                            .command = release->app_json.postdeploy,
                            .env = {},
                            .size = {}});
  if (prepared.has_error())
    return end_postdeploy(app, false, "cannot start: " + prepared.error().message);
  boost::asio::post(parts_.pool, [this, app, id = prepared->id, start = prepared->start,
                                  strand = parts_.strand, alive = alive_] {
    const auto started = start();
    if (!started.has_error()) return;  // events tell the rest
    boost::asio::post(strand, [this, app, id, error = started.error(), alive] {
      if (!*alive) return;
      one_off_failed(id);
      end_postdeploy(app, false, "cannot start: " + error.message);
    });
  });
}

/// Of a server before us: what runs is waited for, what ended unseen has failed.
void Controller::resume_postdeploys() {
  for (const platform::App& app : parts_.store.apps()) {
    const auto state = parts_.store.postdeploy(app.id);
    if (state == Store::Postdeploy::due) begin_postdeploy(app.id);
    if (state != Store::Postdeploy::running) continue;
    const bool runs = std::ranges::any_of(replicas_, [&](const auto& entry) {
      const auto& status = entry.second.status;
      return status.spec.app_id == app.id.value && status.spec.name == platform::postdeploy_name;
    });
    if (!runs) end_postdeploy(app.id, false, "was lost: the platform restarted while it started");
  }
}

void Controller::end_postdeploy(const platform::AppId& app, bool succeeded,
                                const std::string& message) {
  if (parts_.store.postdeploy(app) == Store::Postdeploy::running) {
    try {
      parts_.store.set_postdeploy(
          app, succeeded ? Store::Postdeploy::succeeded : Store::Postdeploy::failed, message);
    } catch (const DatabaseFull& full) {
      log_error("postdeploy of {}: {}", app.value, full.what());
    }
    append_app_log(log_directory(app), platform::postdeploy_name,
                   succeeded ? "The postdeploy script has succeeded"
                             : "The postdeploy script failed: it " + message +
                                   ". It is not run again by itself; `berth run` can");
  }
  for (auto& [waits, callback] : std::exchange(postdeploy_waiters_, {})) {
    if (waits == app)
      callback();
    else
      postdeploy_waiters_.emplace_back(waits, std::move(callback));
  }
}

void Controller::when_postdeploy_ended(const platform::AppId& app,
                                       std::function<void()> callback) {
  if (stopped_ || parts_.store.postdeploy(app) != Store::Postdeploy::running) return callback();
  postdeploy_waiters_.emplace_back(app, std::move(callback));
}

}  // namespace berth::server
