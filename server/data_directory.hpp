// SPDX-License-Identifier: Apache-2.0
//
// The data directory of one server: made if absent, and locked while the server lives.
#pragma once

#include <filesystem>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth::server {

class DataDirectory final {
 public:
  /// The error of kind `conflict` names the process that has it.
  [[nodiscard]] static Result<DataDirectory> open(const std::filesystem::path& path);
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  DataDirectory(std::filesystem::path path, Fd lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}
  std::filesystem::path path_;
  Fd lock_;
};

}  // namespace berth::server
