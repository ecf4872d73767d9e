// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/detached_mount.hpp"

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace berth::runtime {

Result<Fd> detached_ext4(const std::string& device) {
  const Fd context(static_cast<int>(::syscall(SYS_fsopen, "ext4", FSOPEN_CLOEXEC)));
  if (!context) return system_error("open ext4");
  const auto configure = [&](unsigned command, const char* key, const char* value) {
    return ::syscall(SYS_fsconfig, context.get(), command, key, value, 0) == 0;
  };
  if (!configure(FSCONFIG_SET_STRING, "source", device.c_str()) ||
      !configure(FSCONFIG_CMD_CREATE, nullptr, nullptr))
    return system_error("mount " + device);
  const Fd mount(static_cast<int>(
      ::syscall(SYS_fsmount, context.get(), FSMOUNT_CLOEXEC,
                MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)));
  if (!mount) return system_error("mount " + device);
  // What fsmount gives is a path only; ioctls want an open file.
  Fd root(::openat(mount.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root) return system_error("open the root of " + device);
  return root;
}

}  // namespace berth::runtime
