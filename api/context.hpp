// SPDX-License-Identifier: Apache-2.0
//
// What handlers work on: the store, the port to the rest of the control plane, and the API's own
// few pieces of state. One Context a Server; used on the strand alone.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>

#include "api/authentication.hpp"
#include "api/control.hpp"
#include "api/exchange.hpp"
#include "api/file_watcher.hpp"
#include "api/http.hpp"
#include "api/log_sessions.hpp"
#include "api/metrics.hpp"
#include "api/render.hpp"
#include "api/settings.hpp"
#include "api/static_files.hpp"
#include "platform/store.hpp"

namespace berth::api {

struct Context {
  platform::Store& store;
  Control& control;
  const Settings& settings;
  const Renderer& render;
  const json::object schema;
  const StaticFiles dashboard;
  Authentication authentication;
  LogSessions log_sessions;
  Metrics metrics;
  FileWatcher watcher;
};

/// One authenticated request on its way through a handler.
struct Call {
  Context* context;
  Request request;
  std::map<std::string, std::string> params = {};  ///< of the path, decoded
  json::object body = {};
  Identity identity = {};
  std::string base_url = {};  ///< where this client reaches the API: "http://api.localhost:8080"

  [[nodiscard]] platform::Store& store() const { return context->store; }
  [[nodiscard]] Control& control() const { return context->control; }
  [[nodiscard]] const Settings& settings() const { return context->settings; }
  [[nodiscard]] const Renderer& render() const { return context->render; }
  [[nodiscard]] const std::string& param(const std::string& name) const { return params.at(name); }
  [[nodiscard]] platform::Actor actor() const { return {identity.token.user}; }
  /// The app that {app} of the path names.
  [[nodiscard]] Outcome<platform::App> app() const {
    return or_missing(store().find_app(param("app")), "app");
  }
};

/// Answers at once from the store.
using PlainHandler = Answer (*)(Call&);
/// Waits, or writes piece by piece; what it returns counts only if it began no answer itself.
using StreamHandler = Task<Answer> (*)(Call, Exchange*);

}  // namespace berth::api
