// SPDX-License-Identifier: Apache-2.0
//
// Makes the runtimes that all apps share (builder/runtimes.hpp), one at a time and in the
// background, after a build that had to make its own. Used on the strand.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>
#include <vector>

#include "builder/build.hpp"
#include "platform/config.hpp"
#include "server/build_machine.hpp"
#include "server/housekeeper.hpp"

namespace berth::server {

struct RuntimeMakerParts {
  boost::asio::any_io_executor strand;
  const platform::Config& config;
  builder::ImageStore& images;
  builder::SandboxFactory& sandboxes;
  Housekeeper& housekeeper;
  BuildPrograms programs;
};

class RuntimeMaker final {
 public:
  explicit RuntimeMaker(RuntimeMakerParts parts);
  ~RuntimeMaker();

  /// One that cannot be made is told in the log, and not tried again as long as the server runs.
  void want(const std::vector<builder::RuntimeName>& runtimes);
  /// Ends the one that is being made.
  boost::asio::awaitable<void> stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace berth::server
