// SPDX-License-Identifier: Apache-2.0
#include "server/notices.hpp"

#include <utility>

namespace berth::server {

std::shared_ptr<void> Notices::subscribe(Listener listener) {
  auto entry = std::make_shared<Listener>(std::move(listener));
  listeners_.push_back(entry);
  return entry;
}

bool Notices::heard() {
  std::erase_if(listeners_, [](const auto& entry) { return entry.expired(); });
  return renderer_ && !listeners_.empty();
}

void Notices::publish(json::object notice) {
  const auto shared = std::make_shared<const json::object>(std::move(notice));
  // A listener may subscribe or leave while it is called: walk a copy.
  const auto listeners = listeners_;
  for (const auto& entry : listeners)
    if (const auto listener = entry.lock()) (*listener)(shared);
}

void Notices::changed(const platform::Event& event) {
  if (!heard() || !event.app) return;
  const auto found = store_->find_app(event.app->value);
  if (found.has_error()) return;
  const auto tell = [&](std::string_view type, json::object value) {
    publish({{"type", type}, {"app", found->name}, {"value", std::move(value)}});
  };
  if (event.kind.starts_with("release.")) {
    // The newest two: a new one changes what the one before shows as current.
    const auto releases = store_->releases(*event.app);
    for (std::size_t i = std::min<std::size_t>(releases.size(), 2); i-- > 0;)
      tell("release", renderer_->release(releases[i]));
  } else if (event.kind.starts_with("build.")) {
    const auto builds = store_->builds(*event.app);
    if (!builds.empty()) tell("build", renderer_->build(builds.front()));
  } else if (event.kind == "formation.update" || event.kind == "autoscale") {
    for (const auto& entry : store_->formation(*event.app))
      tell("formation", renderer_->formation(entry));
  }
  app(*event.app);
}

void Notices::app(const platform::AppId& id) {
  if (!heard()) return;
  if (const auto app = store_->find_app(id.value); app.has_value())
    publish({{"type", "app"}, {"app", app->name}, {"value", renderer_->app(*app)}});
}

void Notices::app_deleted(std::string_view name) {
  if (heard()) publish({{"type", "app"}, {"app", name}, {"deleted", true}});
}

void Notices::replica(const platform::AppId& id, const api::ReplicaView& view,
                      std::string_view state) {
  if (!heard()) return;
  const auto app = store_->find_app(id.value);
  if (app.has_error()) return;
  json::object shape = renderer_->dyno(*app, view);
  if (!state.empty()) shape["state"] = state;
  publish({{"type", "replica"}, {"app", app->name}, {"value", std::move(shape)}});
}

void Notices::traffic(const platform::App& app, const api::TrafficSample& sample) {
  if (heard())
    publish({{"type", "traffic"}, {"app", app.name}, {"value", renderer_->traffic(sample)}});
}

}  // namespace berth::server
