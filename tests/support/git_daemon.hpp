// SPDX-License-Identifier: Apache-2.0
//
// git repositories served over the network: `git daemon`, one process a connection, on a port that
// is ours from the start.
#pragma once

#include <filesystem>
#include <string>
#include <thread>

#include "base/fd.hpp"

namespace berth::test {

class GitDaemon final {
 public:
  /// Serves every repository below `directory`.
  explicit GitDaemon(const std::filesystem::path& directory);
  ~GitDaemon();
  GitDaemon(const GitDaemon&) = delete;
  GitDaemon& operator=(const GitDaemon&) = delete;

  [[nodiscard]] std::string url(const std::string& repository) const;

 private:
  void serve(const std::filesystem::path& directory) const;
  Fd listener_;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace berth::test
