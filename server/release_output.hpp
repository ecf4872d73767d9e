// SPDX-License-Identifier: Apache-2.0
//
// What a release command prints, for the pusher who waits: the lines of release.1 that come into
// the app's log from now on. Ask again when the log has changed.
#pragma once

#include <filesystem>
#include <string>

#include "api/log_reader.hpp"

namespace berth::server {

class ReleaseOutput final {
 public:
  /// `log_directory` is the app's.
  explicit ReleaseOutput(const std::filesystem::path& log_directory);
  /// The new lines as the pusher reads them, or nothing. A log that cannot be read costs its lines.
  [[nodiscard]] std::string take();

 private:
  api::LogReader reader_;
};

}  // namespace berth::server
