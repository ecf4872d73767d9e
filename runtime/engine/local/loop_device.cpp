// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/loop_device.hpp"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/file.hpp"

namespace berth::runtime {

namespace fs = std::filesystem;

namespace {

constexpr int attempts = 64;  ///< others of the machine take free devices, too
constexpr std::uint32_t block_bytes = 4096;  ///< of the disks below, that it can pass them on

/// Whether the device, open, is the file's. Its number may be another file's by now.
bool is_behind(const Fd& device, const struct stat& file) {
  loop_info64 info{};
  return ::ioctl(device.get(), LOOP_GET_STATUS64, &info) == 0 && info.lo_device == file.st_dev &&
         info.lo_inode == file.st_ino;
}

}  // namespace

Result<std::optional<LoopDevice>> find_loop_device(const fs::path& file) {
  struct stat wanted{};
  if (::stat(file.c_str(), &wanted) != 0) return system_error("open " + file.string());
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator("/sys/block", failure)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with("loop")) continue;
    // By its name first: what is not ours is not opened.
    const auto backing = read_file(entry.path() / "loop" / "backing_file", 8192);
    if (backing.has_error() || backing->find(file.filename().string()) == std::string::npos)
      continue;
    LoopDevice device{Fd(::open(("/dev/" + name).c_str(), O_RDWR | O_CLOEXEC)), "/dev/" + name};
    if (device.fd && is_behind(device.fd, wanted)) return std::optional(std::move(device));
  }
  return std::optional<LoopDevice>();
}

Result<LoopDevice> make_loop_device(const fs::path& file) {
  const Fd control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  if (!control)
    return system_error("open /dev/loop-control (volumes need the kernel's module loop)");
  BERTH_ASSIGN(const Fd backing, open_file(file, O_RDWR));
  for (int attempt = 0; attempt < attempts; ++attempt) {
    const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) return system_error("find a free loop device");
    LoopDevice device{{}, "/dev/loop" + std::to_string(number)};
    device.fd = Fd(::open(device.path.c_str(), O_RDWR | O_CLOEXEC));
    if (!device.fd) return system_error("open " + device.path);
    loop_config config{};
    config.fd = static_cast<std::uint32_t>(backing.get());
    config.block_size = block_bytes;
    // Direct: one page cache, the file system's own, which counts against the container.
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO;
    if (::ioctl(device.fd.get(), LOOP_CONFIGURE, &config) == 0) return device;
    if (errno != EBUSY) return system_error("attach " + file.string() + " to " + device.path);
  }
  return Error{ErrorKind::unavailable, "no loop device stays free for " + file.string()};
}

Result<void> update_size(const LoopDevice& device) {
  if (::ioctl(device.fd.get(), LOOP_SET_CAPACITY, 0) != 0)
    return system_error("change the size of " + device.path);
  return {};
}

}  // namespace berth::runtime
