// SPDX-License-Identifier: Apache-2.0
//
// Archives on their way in: a client asks for a place, sends the bytes, and names the place in a
// later request. The name is a secret that nobody can guess. Bounded, streamed to disk, swept an
// hour after they were last touched. Blocking; from any thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace berth::server {

class Uploads final {
 public:
  /// `needed_bytes` stay free on the disk.
  Uploads(std::filesystem::path directory, std::uint64_t needed_bytes)
      : directory_(std::move(directory)), needed_bytes_(needed_bytes) {}

  /// What another life of the server received is not asked for any more.
  void clear() const;
  [[nodiscard]] Result<std::string> begin() const;
  /// Offset 0 begins anew.
  [[nodiscard]] Result<void> write(const std::string& id, std::uint64_t offset,
                                   std::string_view data) const;
  /// All has come: find() knows it from now on.
  [[nodiscard]] Result<void> finish(const std::string& id) const;
  [[nodiscard]] Result<std::filesystem::path> find(const std::string& id) const;
  /// SHA-256 in hex.
  [[nodiscard]] Result<std::string> checksum(const std::string& id) const;
  void remove(const std::string& id) const;

 private:
  [[nodiscard]] Result<std::filesystem::path> place(const std::string& id) const;
  std::filesystem::path directory_;
  std::uint64_t needed_bytes_;
};

}  // namespace berth::server
