// SPDX-License-Identifier: Apache-2.0
//
// A small real disk: an ext4 file system in a file, mounted through a loop device, that a test can
// fill up and empty again. Needs root.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace berth::test {

class SmallDisk final {
 public:
  /// Why there can be none on this machine, or nothing.
  [[nodiscard]] static std::optional<std::string> cannot_be_made();

  /// Mounted at a new directory below `parent`. `bytes` are taken from the machine's own disk as
  /// they are written.
  SmallDisk(const std::filesystem::path& parent, std::uint64_t bytes);
  ~SmallDisk();
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return mount_; }
  [[nodiscard]] std::uint64_t free_bytes() const;
  /// Takes all space but `leave`; may be called again to take what others freed meanwhile.
  void fill(std::uint64_t leave = 0);
  /// Gives back what fill() took.
  void empty();

 private:
  std::filesystem::path image_;
  std::filesystem::path mount_;
  int fillers_ = 0;
};

}  // namespace berth::test
