// SPDX-License-Identifier: Apache-2.0
//
// Previews: a commit of an app, run as an app of its own until its ref is deleted or nobody has
// pushed to it for a while. Says what a push to refs/previews/NAME deploys to, and removes those
// whose time is up. Used on the strand.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "base/tasks.hpp"
#include "builder/build.hpp"
#include "platform/config.hpp"
#include "platform/store.hpp"

namespace berth::server {

struct PreviewsParts {
  boost::asio::any_io_executor strand;
  const platform::Config& config;
  platform::Store& store;
  std::function<Result<void>(const platform::App&)> apply_egress;
};

class Previews final {
 public:
  /// refs/previews/NAME of the parent's repository: git removes it itself where a push deletes it.
  enum class Ref { goes, stays };

  explicit Previews(PreviewsParts parts)
      : parts_(std::move(parts)), wakeup_(parts_.strand), tasks_(parts_.strand) {}

  struct Hooks {
    std::function<bool(const platform::AppId&)> busy;  ///< deploys of it are under way
    std::function<void(const platform::App&, Ref)> destroyed;  ///< it is out of the store
  };
  /// Removes what is due, now and when it comes to be.
  void start(Hooks hooks);
  boost::asio::awaitable<void> stop();

  /// What a push deploys to: the preview of that name, new from the parent's settings if there is
  /// none. Reads the commit's app.json.
  [[nodiscard]] Result<platform::App> prepare(const platform::App& parent,
                                              const platform::PreviewName& name,
                                              const builder::GitSource& source,
                                              const platform::Actor& actor);
  /// A push to it has ended: its time begins anew. One that came to no release is removed. Returns
  /// what the pusher is told.
  [[nodiscard]] std::string pushed(const platform::App& preview, bool succeeded);
  /// Out of the store, and what runs is ended.
  [[nodiscard]] Result<void> remove(const platform::App& preview, const platform::Actor& actor,
                                    Ref ref = Ref::goes);

 private:
  boost::asio::awaitable<void> run();
  /// Removes what is due; when to look again.
  [[nodiscard]] std::optional<Duration> remove_expired(Time at);
  [[nodiscard]] std::optional<Time> expiry() const;

  PreviewsParts parts_;
  Hooks hooks_;
  Wakeup wakeup_;
  TaskGroup tasks_;
  bool stopped_ = false;
};

}  // namespace berth::server
