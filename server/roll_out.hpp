// SPDX-License-Identifier: Apache-2.0
//
// The last part of a deploy: waits until the new release serves or has failed, and tells whoever
// pushed. Used on the strand.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <string>

#include "api/file_watcher.hpp"
#include "base/result.hpp"
#include "platform/config.hpp"
#include "platform/store.hpp"
#include "server/controller.hpp"
#include "server/release_output.hpp"
#include "server/say.hpp"

namespace berth::server {

class RollOut final {
 public:
  RollOut(boost::asio::any_io_executor strand, const platform::Config& config,
          platform::Store& store, Controller& controller)
      : strand_(strand),
        watcher_(strand),
        config_(config),
        store_(store),
        controller_(controller) {}

  /// What its release command and the postdeploy script print is said as it comes.
  boost::asio::awaitable<Result<void>> finish(platform::App app, platform::Release release,
                                              Say say);
  void close() { watcher_.close(); }

 private:
  boost::asio::awaitable<platform::Release> settle(platform::App app, platform::Release release,
                                                   Say say);
  /// What the app's postdeploy script prints, if this release has begun it; `script` reads it.
  boost::asio::awaitable<void> follow_postdeploy(platform::App app, platform::Release release,
                                                 ReleaseOutput& script, Say say);
  [[nodiscard]] std::string what_goes_on(const platform::App& app) const;

  boost::asio::any_io_executor strand_;
  api::FileWatcher watcher_;
  const platform::Config& config_;
  platform::Store& store_;
  Controller& controller_;
};

}  // namespace berth::server
