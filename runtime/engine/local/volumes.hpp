// SPDX-License-Identifier: Apache-2.0
//
// Volumes of this machine: each an ext4 file system in a sparse file, so that its size is a limit
// of bytes and files, and a snapshot is a copy. `volumes/APP/VOLUME/` below the data directory
// holds `data-VOLUME.img` and `snapshots/N.img`. A container's shim mounts the file's loop device
// in its own mount namespace (shim/stage.cpp): what mounts and devices there are goes with it.
//
// Used by many threads; one call a volume at a time, beside attach().
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <mutex>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "runtime/engine/engine.hpp"
#include "runtime/engine/local/loop_device.hpp"

namespace berth::runtime {

class Volumes final {
 public:
  Volumes(std::filesystem::path directory, std::chrono::milliseconds patience)
      : directory_(std::move(directory)), patience_(patience) {}

  [[nodiscard]] Result<void> make(const VolumePlace& place, std::uint64_t size_bytes);
  [[nodiscard]] Result<void> grow(const VolumePlace& place, std::uint64_t size_bytes);
  [[nodiscard]] Result<void> snapshot(const VolumePlace& place, std::int64_t number);
  [[nodiscard]] Result<void> restore(const VolumePlace& place, std::int64_t from,
                                     std::int64_t kept, std::uint64_t size_bytes);
  [[nodiscard]] Result<void> remove(const VolumePlace& place, std::int64_t number);
  [[nodiscard]] std::uint64_t bytes(const VolumePlace& place, std::int64_t number) const;

  /// The device to mount, which stays the volume's while it is open or mounted. An exclusive volume
  /// that something still has mounted is waited for: that a container has exited and that the last
  /// of its mounts is gone are two moments.
  [[nodiscard]] Result<LoopDevice> attach(const VolumePlace& place, bool shared);

  /// A server that was killed while it made a snapshot has left that volume frozen.
  void thaw_all();

 private:
  [[nodiscard]] std::filesystem::path folder(const VolumePlace& place) const;
  [[nodiscard]] std::filesystem::path image(const VolumePlace& place) const;
  [[nodiscard]] std::filesystem::path snapshot_file(const VolumePlace& place,
                                                    std::int64_t number) const;
  /// Until nothing has the file as a device; nobody makes one of it while the lock is held.
  [[nodiscard]] Result<std::unique_lock<std::mutex>> wait_until_free(
      const std::filesystem::path& file);
  [[nodiscard]] Result<LoopDevice> device_of(const std::filesystem::path& image);
  [[nodiscard]] Result<void> grow(const std::filesystem::path& file, std::uint64_t size_bytes);
  /// What every volume may still write, and this, must fit on the disk.
  [[nodiscard]] Result<void> check_room(std::uint64_t wanted_bytes) const;

  std::filesystem::path directory_;
  std::chrono::milliseconds patience_;
  std::mutex attaching_;
};

}  // namespace berth::runtime
