// SPDX-License-Identifier: Apache-2.0
//
// From a push to a release: git's pre-receive hook connects here while the pusher waits. The commit
// is built on the pool, the log goes to the pusher and to a file as it comes, the image becomes a
// release, and the push is accepted once that release is healthy. An archive of source, and an
// image that was made elsewhere, take the same way without anybody who waits. One build an app at a
// time, the newest; a few at once in all (build.parallel), the others wait their turn
// (deploy_queue.hpp). Used on the strand.
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
#include "server/build_machine.hpp"
#include "server/controller.hpp"
#include "server/housekeeper.hpp"
#include "server/image_library.hpp"
#include "server/previews.hpp"
#include "server/runtime_maker.hpp"
#include "server/uploads.hpp"

namespace berth::server {

struct DeployerParts {
  boost::asio::any_io_executor strand;
  /// For builds: as many threads as run at once, and a few for what else blocks.
  boost::asio::thread_pool& pool;
  boost::asio::thread_pool& io_pool;  ///< for what a request waits for
  const platform::Config& config;
  platform::Store& store;
  builder::ImageStore& images;
  builder::SandboxFactory& sandboxes;
  const Uploads& uploads;
  const ImageLibrary& library;
  Controller& controller;
  Housekeeper& housekeeper;
  RuntimeMaker& runtimes;
  Previews& previews;
  BuildPrograms programs;
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
  /// An uploaded archive of source becomes a commit and is built; returns as soon as it waits or
  /// builds. What comes of it stands in the build, its log and the release.
  boost::asio::awaitable<Result<platform::Build>> deploy_source(platform::App app,
                                                                platform::Actor actor,
                                                                std::string upload);
  /// The same for an image: from an upload, or by its name.
  [[nodiscard]] Result<platform::Build> deploy_image(const platform::App& app,
                                                     const platform::Actor& actor,
                                                     const std::string& upload,
                                                     const std::string& reference);
  /// A release of the same image on the present run base.
  boost::asio::awaitable<Result<api::StackUpgrade>> upgrade_stack(platform::App app,
                                                                  platform::Actor actor);
  [[nodiscard]] std::filesystem::path build_log(const platform::BuildId& build) const;
  [[nodiscard]] BusyBuilds busy() const;
  /// Ends a build that waits or runs; its pusher is told who did.
  [[nodiscard]] Result<void> cancel_build(const platform::Build& build, const std::string& user);
  /// Whether any deploy of it waits, builds or rolls out.
  [[nodiscard]] bool deploys(const platform::AppId& app) const;
  /// Cancels its build and removes repository, cache and logs, and what a preview is pushed to.
  void app_destroyed(const platform::App& app, Previews::Ref ref = Previews::Ref::goes);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace berth::server
