// SPDX-License-Identifier: Apache-2.0
#include "server/previews.hpp"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "base/sqlite.hpp"
#include "builder/source.hpp"
#include "server/app_sizes.hpp"

namespace berth::server {

namespace asio = boost::asio;

namespace {

constexpr Duration look_every = 1h;   ///< a clock may be set
constexpr Duration busy_pause = 10s;  ///< until one that is being deployed to is looked at again
constexpr std::uint64_t longest_app_json = 256 << 10;

/// "2026-12-03 09:15 UTC"
std::string minute_of(Time time) {
  const std::string text = rfc3339(time);
  return text.substr(0, 10) + " " + text.substr(11, 5) + " UTC";
}

}  // namespace

void Previews::start(Hooks hooks) {
  hooks_ = std::move(hooks);
  tasks_.spawn(run());
}

asio::awaitable<void> Previews::stop() {
  stopped_ = true;
  wakeup_.notify();
  co_await tasks_.join();
}

std::optional<Time> Previews::expiry() const {
  const auto after = parts_.config.previews.expire;
  return after.count() == 0 ? std::nullopt : std::optional(now() + after);
}

Result<platform::App> Previews::prepare(const platform::App& parent,
                                        const platform::PreviewName& name,
                                        const builder::GitSource& source,
                                        const platform::Actor& actor) {
  platform::NewPreview wanted{.env = {},
                              .formation = {},
                              .expires_at = expiry(),
                              .most = parts_.config.previews.most};
  BERTH_ASSIGN(const auto text,
               builder::read_source_file(source, std::string(platform::app_json_file),
                                         longest_app_json));
  if (text) {
    std::vector<std::string> notes;  // the build tells them
    BERTH_ASSIGN(auto app_json, platform::parse_app_json(*text, notes, {.review = true}));
    settle_sizes(app_json, parts_.config, [](std::string_view) {});
    wanted.formation = std::move(app_json.formation);
    BERTH_ASSIGN(wanted.env, platform::review_config_vars(*text));
  }
  if (const auto known = parts_.store.find_preview(parent.id, name.text()); known.has_value())
    return parts_.store.set_preview_expiry(known->id, wanted.expires_at);
  BERTH_ASSIGN(platform::App app, parts_.store.create_preview(parent.id, name, wanted, actor));
  // Before anything of it runs.
  if (auto applied = parts_.apply_egress(app); applied.has_error()) {
    BERTH_TRY(remove(app, actor));
    return applied.error();
  }
  return app;
}

std::string Previews::pushed(const platform::App& preview, bool succeeded) {
  if (parts_.store.find_app(preview.id.value).has_error()) return {};  // destroyed meanwhile
  // Another push to it may have ended this one.
  if (!succeeded && !hooks_.busy(preview.id) && parts_.store.releases(preview.id).empty()) {
    if (auto removed = remove(preview, {"berth"}); removed.has_error())
      log_warning("{}: {}", preview.name, removed.error().message);
    return {};
  }
  const auto app = parts_.store.set_preview_expiry(preview.id, expiry());
  wakeup_.notify();
  if (app.has_error() || !succeeded) return {};
  const std::string name = "       Preview " + app->preview->name + " ";
  if (!app->preview->expires_at) return name + "stays until it is deleted\n";
  return name + "is removed on " + minute_of(*app->preview->expires_at) +
         " unless it is pushed to again\n";
}

Result<void> Previews::remove(const platform::App& preview, const platform::Actor& actor,
                              Ref ref) {
  BERTH_TRY(parts_.store.destroy_app(preview.id, actor));
  hooks_.destroyed(preview, ref);
  return {};
}

std::optional<Duration> Previews::remove_expired(Time at) {
  std::optional<Duration> next;
  for (const platform::App& app : parts_.store.apps()) {
    if (!app.preview || !app.preview->expires_at) continue;
    Duration left = *app.preview->expires_at - at;
    if (left <= Duration::zero() && !hooks_.busy(app.id)) {
      log_info("{}: nobody has pushed to this preview for {} h: removed", app.name,
               parts_.config.previews.expire / 1h);
      if (auto removed = remove(app, {"berth"}); removed.has_error())
        log_warning("{}: {}", app.name, removed.error().message);
      continue;
    }
    if (left <= Duration::zero()) left = busy_pause;
    if (!next || left < *next) next = left;
  }
  return next;
}

asio::awaitable<void> Previews::run() {
  while (!stopped_) {
    Duration wait = look_every;
    try {
      wait = std::min(wait, remove_expired(now()).value_or(look_every));
    } catch (const DatabaseFull& full) {
      log_error("remove previews: {}", full.what());
    }
    // Not before it is due.
    co_await wakeup_.wait(std::chrono::ceil<std::chrono::milliseconds>(wait));
  }
}

}  // namespace berth::server
