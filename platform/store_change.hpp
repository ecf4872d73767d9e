// SPDX-License-Identifier: Apache-2.0
//
// One change of the store: a transaction together with the audit events that tell of it. Private to
// the store's units.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "platform/store.hpp"

namespace berth::platform {

class Store::Change final {
 public:
  explicit Change(Store& store) : store_(store), transaction_(store.database_) {}

  void event(const std::optional<AppId>& app, std::string_view user, std::string_view kind,
             std::string message) {
    Event event{.sequence = 0,
                .at = now(),
                .app = app,
                .user = std::string(user),
                .kind = std::string(kind),
                .message = std::move(message)};
    store_.database_
        .prepare("INSERT INTO events (at, app, user, kind, message) VALUES (?,?,?,?,?)")
        .bind(event.at.time_since_epoch().count())
        .bind(app ? std::optional<std::string_view>(app->value) : std::nullopt)
        .bind(event.user)
        .bind(event.kind)
        .bind(event.message)
        .run();
    event.sequence = store_.database_.last_insert_id();
    events_.push_back(std::move(event));
  }

  /// Commits, then tells the listener.
  void commit() {
    transaction_.commit();
    if (store_.listener_)
      for (const Event& event : events_) store_.listener_(event);
  }

 private:
  Store& store_;
  Transaction transaction_;
  std::vector<Event> events_;
};

/// What a process type of a preview begins with: one web replica, none of the others, unless
/// app.json's environments.review says more.
[[nodiscard]] Formation preview_formation(const AppId& app, const std::string& type,
                                          const FirstFormation& said, Time at);

/// Microseconds since the epoch, as the columns hold times.
[[nodiscard]] inline std::int64_t column(Time time) { return time.time_since_epoch().count(); }
[[nodiscard]] inline Time time_of(const Statement& row, int index) {
  return Time{Duration{row.integer(index)}};
}
[[nodiscard]] inline std::optional<Time> optional_time_of(const Statement& row, int index) {
  if (row.is_null(index)) return std::nullopt;
  return time_of(row, index);
}

}  // namespace berth::platform
