// SPDX-License-Identifier: Apache-2.0
//
// What an app prints while a release rolls out, for the pusher who waits: the lines that come into
// the app's log from now on. Ask again when the log has changed.
#pragma once

#include <filesystem>
#include <string>

#include "api/log_reader.hpp"

namespace berth::server {

class ReleaseOutput final {
 public:
  /// `log_directory` is the app's; of `process`, "release" or "web.1".
  ReleaseOutput(const std::filesystem::path& log_directory, std::string process);
  /// The new lines as the pusher reads them, or nothing. A log that cannot be read costs its lines.
  [[nodiscard]] std::string take();
  /// The last of the new lines, `count` at most.
  [[nodiscard]] std::string take_last(std::size_t count);

 private:
  api::LogReader reader_;
};

}  // namespace berth::server
