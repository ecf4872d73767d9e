// SPDX-License-Identifier: Apache-2.0
//
// A file as a block device. One device a file, however many look for it: two would be two caches
// of one file system. The kernel takes the device back when nobody has it open or mounted any more,
// so a process that is killed leaves none.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace berth::runtime {

struct LoopDevice {
  Fd fd;             ///< while it is open the device is the file's
  std::string path;  ///< "/dev/loop3"
};

/// The device that this file is behind already, or nothing.
[[nodiscard]] Result<std::optional<LoopDevice>> find_loop_device(const std::filesystem::path& file);
/// A device of its own; nobody else may do the same at the same time.
[[nodiscard]] Result<LoopDevice> make_loop_device(const std::filesystem::path& file);
/// After the file has grown.
[[nodiscard]] Result<void> update_size(const LoopDevice& device);

}  // namespace berth::runtime
