// SPDX-License-Identifier: Apache-2.0
//
// Volumes: directories of an app that outlive its replicas. What may be asked for is checked here;
// who may have one when is the scheduler's matter. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"

namespace berth::platform {

using VolumeId = Id<struct VolumeTag>;  ///< UUID

inline constexpr std::uint64_t least_volume_bytes = 32ULL << 20;
inline constexpr std::uint64_t most_volume_bytes = 4ULL << 40;
inline constexpr std::uint64_t usual_volume_bytes = 1ULL << 30;

/// One-offs, cron jobs and the postdeploy script, as a volume's mounts name them.
inline constexpr std::string_view one_off_process = "run";

struct VolumeMount {
  std::string type;  ///< process type
  std::string path;  ///< in its containers
  friend bool operator==(const VolumeMount&, const VolumeMount&) = default;
};

struct NewVolume {
  std::string name;
  std::uint64_t size_bytes = usual_volume_bytes;
  bool shared = false;
  std::vector<VolumeMount> mounts;
  friend bool operator==(const NewVolume&, const NewVolume&) = default;
};

/// Its content is to become that of a snapshot.
struct VolumeRestore {
  std::int64_t from = 0;  ///< the snapshot's number
  std::int64_t kept = 0;  ///< of the snapshot that the present content becomes
  friend bool operator==(const VolumeRestore&, const VolumeRestore&) = default;
};

struct Volume {
  VolumeId id;
  Id<struct AppTag> app;
  std::string name;  ///< unique in the app
  std::uint64_t size_bytes = 0;
  /// Any number of replicas may have it at a time; otherwise one.
  bool shared = false;
  std::vector<VolumeMount> mounts;
  std::optional<VolumeRestore> restore = {};
  Time created_at{};
  Time updated_at{};
  friend bool operator==(const Volume&, const Volume&) = default;
};

struct VolumeSnapshot {
  VolumeId volume;
  std::int64_t number = 0;  ///< "s3"; never used again
  std::uint64_t size_bytes = 0;  ///< of the volume, then
  std::string description;
  Time created_at{};
  [[nodiscard]] std::string name() const { return "s" + std::to_string(number); }
  friend bool operator==(const VolumeSnapshot&, const VolumeSnapshot&) = default;
};

/// "web:/data" or "web:/data,worker:/data".
[[nodiscard]] Result<std::vector<VolumeMount>> parse_volume_mounts(std::string_view text);
[[nodiscard]] std::string volume_mounts_text(const std::vector<VolumeMount>& mounts);

/// By itself: its name, its size, its mounts and who may have them.
[[nodiscard]] Result<void> check_volume(const NewVolume& volume);
[[nodiscard]] Result<void> check_volume_size(std::uint64_t bytes);
/// "500m", "1g", "1GiB": a whole number and a unit, which is one of 1024 steps.
[[nodiscard]] Result<std::uint64_t> parse_volume_size(std::string_view text);
/// Beside the app's other volumes.
[[nodiscard]] Result<void> check_volume_beside(const NewVolume& volume,
                                               const std::vector<Volume>& others);

/// "s3", or "3".
[[nodiscard]] Result<std::int64_t> parse_snapshot_name(std::string_view text);

/// "1 GiB": whole numbers of the largest unit that has one.
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);

/// The volumes that containers of this type have.
[[nodiscard]] std::vector<Volume> volumes_of(const std::vector<Volume>& all, std::string_view type);

}  // namespace berth::platform
