// SPDX-License-Identifier: Apache-2.0
//
// Live notices from the control plane to whoever listens (docs/api.md, "Live notices"),
// in the API's own shapes. Nothing is kept, and nothing is rendered while nobody
// listens. Used on the strand.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string_view>

#include "api/control.hpp"
#include "api/render.hpp"
#include "base/json.hpp"
#include "platform/store.hpp"

namespace berth::server {

class Notices final {
 public:
  using Notice = api::Control::Notice;
  using Listener = std::function<void(const Notice&)>;

  /// Both outlive this object; until then nothing is published.
  void begin(platform::Store& store, const api::Renderer& renderer) {
    store_ = &store;
    renderer_ = &renderer;
  }

  /// The subscription ends when the handle goes; a handle may outlive this object.
  [[nodiscard]] std::shared_ptr<void> subscribe(Listener listener);

  /// An audit event names what changed: its new shape is what listeners get.
  void changed(const platform::Event& event);
  void app(const platform::AppId& app);
  void app_deleted(std::string_view name);
  /// `state` overrides the replica's own, for "gone".
  void replica(const platform::AppId& app, const api::ReplicaView& view,
               std::string_view state = {});
  void traffic(const platform::App& app, const api::TrafficSample& sample);

  [[nodiscard]] bool heard();

 private:
  void publish(json::object notice);

  platform::Store* store_ = nullptr;
  const api::Renderer* renderer_ = nullptr;
  std::list<std::weak_ptr<Listener>> listeners_;
};

}  // namespace berth::server
