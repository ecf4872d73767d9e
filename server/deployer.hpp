// SPDX-License-Identifier: Apache-2.0
//
// From a push to a release: git's pre-receive hook connects here while the pusher waits. The commit
// is built on the pool, the log goes to the pusher and to a file as it comes, the image becomes a
// release, and the push is accepted once that release is healthy. One build an app at a time; a few
// at once in all (build.parallel), the others wait their turn. Used on the strand.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/thread_pool.hpp>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "api/control.hpp"
#include "builder/build.hpp"
#include "platform/config.hpp"
#include "platform/store.hpp"
#include "server/controller.hpp"
#include "server/housekeeper.hpp"

namespace berth::server {

struct DeployerParts {
  boost::asio::any_io_executor strand;
  /// For builds: as many threads as run at once, and a few for what else blocks.
  boost::asio::thread_pool& pool;
  const platform::Config& config;
  platform::Store& store;
  builder::ImageStore& images;
  builder::SandboxFactory& sandboxes;
  Controller& controller;
  Housekeeper& housekeeper;
  std::filesystem::path programs;    ///< where berth-git-hook and berth-launcher are
  std::filesystem::path buildpacks;
};

class Deployer final {
 public:
  explicit Deployer(DeployerParts parts);
  ~Deployer();

  /// Opens the hook socket, run/hook.sock.
  [[nodiscard]] Result<void> start();
  /// Cancels builds that run and waits for every push to be answered. After Controller::stop().
  boost::asio::awaitable<void> stop();

  [[nodiscard]] Result<std::filesystem::path> repository(const platform::App& app);
  boost::asio::awaitable<Result<std::shared_ptr<api::PushTicket>>> begin_push(platform::App app,
                                                                              std::string user);
  [[nodiscard]] BusyBuilds busy() const;
  [[nodiscard]] std::filesystem::path build_log(const platform::BuildId& build) const;
  /// Ends a build that waits or runs; its pusher is told who did.
  [[nodiscard]] Result<void> cancel_build(const platform::Build& build, const std::string& user);
  /// Cancels its build and removes repository, cache and logs.
  void app_destroyed(const platform::App& app);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace berth::server
