// SPDX-License-Identifier: Apache-2.0
//
// Does to volumes what people ask for, between the store, which knows them, and the engine, which
// has their files; one thing at a time to each. A restore waits here until nothing has the volume,
// and is finished by the next server if this one ends. Used on the strand.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <map>
#include <set>
#include <string>

#include "base/tasks.hpp"
#include "platform/store.hpp"
#include "runtime/engine/engine.hpp"
#include "server/controller.hpp"

namespace berth::server {

struct VolumeKeeperParts {
  boost::asio::any_io_executor strand;
  boost::asio::thread_pool& pool;
  platform::Store& store;
  runtime::Engine& engine;
  Controller& controller;
};

class VolumeKeeper final {
 public:
  explicit VolumeKeeper(VolumeKeeperParts parts);

  /// After the controller's: removes the files that are not wanted any more, and goes on with
  /// restores.
  void start();
  boost::asio::awaitable<void> stop();

  boost::asio::awaitable<Result<platform::Volume>> create(platform::AppId app,
                                                          platform::NewVolume wanted,
                                                          platform::Actor actor);
  boost::asio::awaitable<Result<platform::Volume>> resize(platform::Volume volume,
                                                          std::uint64_t size_bytes,
                                                          platform::Actor actor);
  [[nodiscard]] Result<void> destroy(const platform::Volume& volume, const platform::Actor& actor);
  boost::asio::awaitable<Result<platform::VolumeSnapshot>> snapshot(platform::Volume volume,
                                                                    std::string description,
                                                                    platform::Actor actor);
  [[nodiscard]] Result<platform::VolumeSnapshot> remove_snapshot(const platform::Volume& volume,
                                                                 const std::string& snapshot,
                                                                 const platform::Actor& actor);
  /// Ends with the restore, or with the server.
  boost::asio::awaitable<Result<platform::Volume>> restore(platform::Volume volume,
                                                           std::string snapshot,
                                                           platform::Actor actor);
  /// An app and with it its volumes are gone.
  void collect();

 private:
  /// Nobody else does something to the volume while it is there.
  class Turn;

  [[nodiscard]] Result<void> check_free(const platform::Volume& volume) const;
  /// Begins the app's restores whose volumes nothing has any more.
  void look(const platform::AppId& app);
  boost::asio::awaitable<void> do_restore(platform::Volume volume);
  boost::asio::awaitable<void> remove_files(platform::VolumeFiles files);

  VolumeKeeperParts parts_;
  TaskGroup tasks_;
  std::map<platform::VolumeId, std::string> busy_;  ///< with what
  std::set<std::string> removing_;
  boost::asio::steady_timer ended_;  ///< cancelled when a restore has ended
  std::map<platform::VolumeId, std::string> failures_;  ///< of restores, for who waits
  bool stopped_ = false;
};

}  // namespace berth::server
