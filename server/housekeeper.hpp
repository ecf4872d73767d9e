// SPDX-License-Identifier: Apache-2.0
//
// Keeps the disk from filling: runs the collector (builder/collector.hpp) after builds, when room
// is short and every hour, on a thread of its own with low priority, and knows what takes the
// space. What is wanted is read on the strand at the moment a collection begins; the rest goes on
// beside it. Used on the strand.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "base/tasks.hpp"
#include "builder/collector.hpp"
#include "platform/config.hpp"
#include "platform/store.hpp"
#include "server/controller.hpp"

namespace berth::server {

/// Builds that run: their ids, and when the oldest began (now, if there are none).
struct BusyBuilds {
  std::set<std::string> ids;
  Time since{};
};

struct HousekeeperParts {
  boost::asio::any_io_executor strand;
  const platform::Config& config;
  platform::Store& store;
  builder::ImageStore& images;
  Controller& controller;
};

class Housekeeper final {
 public:
  explicit Housekeeper(HousekeeperParts parts);
  ~Housekeeper();

  /// `busy` is asked whenever a collection begins. The first begins now.
  void start(std::function<BusyBuilds()> busy);
  /// Waits for a collection under way.
  boost::asio::awaitable<void> stop();

  /// A build ended, an app was destroyed: there may be something to collect.
  void look_soon();

  /// For what stores images and is no build: whatever is stored or used from now on stays until
  /// the last reference to the handle is gone.
  [[nodiscard]] std::shared_ptr<void> protect();

  /// Removes what nothing needs, and more if less than min_free_disk is free.
  boost::asio::awaitable<builder::Collection> collect();
  /// An error if less than min_free_disk is free even after a collection.
  boost::asio::awaitable<Result<void>> ensure_room();
  /// What collect() would remove now.
  boost::asio::awaitable<builder::Collection> preview();
  /// What `GET /disk-usage` shows.
  boost::asio::awaitable<json::object> usage();

  /// An error, for whoever wants to roll back, if the release's image is not kept any more.
  [[nodiscard]] Result<void> check_kept(const platform::Release& release) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// What is wanted of the store, without what runs: the images of each app's last `keep` releases
/// that can be rolled back to, and as hot ones those that serve or will; the logs of its last
/// `keep_logs` builds.
[[nodiscard]] builder::Wanted wanted_images(platform::Store& store, int keep, int keep_logs);

}  // namespace berth::server
