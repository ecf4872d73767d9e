// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/shim/stage.hpp"

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <sys/fsuid.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>

#include "base/fd.hpp"

namespace berth::runtime::shim {

namespace {

// Wrapped here: Debian 12's libc has them, but mixing <sys/mount.h> and <linux/mount.h> does not
// compile with every pair of versions.
int open_tree(const char* path, unsigned flags) {
  return static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, path, flags));
}
int set_attributes(int tree, mount_attr& attributes) {
  return static_cast<int>(
      ::syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attributes, sizeof attributes));
}
int attach_tree(int tree, const char* path) {
  return static_cast<int>(
      ::syscall(SYS_move_mount, tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH));
}

Result<void> write_text(const std::string& path, const std::string& text) {
  const Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd || ::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return system_error("write " + path);
  return {};
}

/// The overlay keeps its mounter's identity for what it creates itself (its work directory,
/// whiteouts). Host root has no number in the mapping, so it has to be the mapped root, with root's
/// capabilities; otherwise the kernel silently mounts read-only.
class MappedIdentity final {
 public:
  explicit MappedIdentity(std::uint32_t uid) {
    ::prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP);
    ::setfsgid(uid);
    ::setfsuid(uid);
  }
  ~MappedIdentity() {
    ::setfsuid(0);
    ::setfsgid(0);
    ::prctl(PR_SET_SECUREBITS, 0);
  }
};

class Stage final {
 public:
  Stage(const ShimConf& conf, Fd idmap) : conf_(conf), idmap_(std::move(idmap)) {}

  Result<void> mount(const ShimMount& mount) {
    if (!mount.device.empty()) return with_context(volume(mount), "the volume at " + mount.target);
    if (mount.lowers.empty() && mount.upper.empty()) return bind(mount);
    return overlay(mount);
  }

  /// A clone of `source` that is idmapped, attached at `target`.
  Result<void> clone(const std::string& source, const std::string& target, bool writable,
                     bool idmapped = true) {
    const Fd tree(open_tree(source.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    if (!tree) return system_error("mount " + source);
    struct stat kind{};
    if (::fstat(tree.get(), &kind) != 0) return system_error("mount " + source);
    const int made = S_ISDIR(kind.st_mode) ? ::mkdir(target.c_str(), 0755)
                                           : ::mknod(target.c_str(), S_IFREG | 0755, 0);
    if (made != 0) return system_error("create " + target);
    mount_attr attributes{};
    attributes.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
    if (!writable) attributes.attr_set |= MOUNT_ATTR_RDONLY;
    attributes.propagation = MS_PRIVATE;
    if (idmapped) {
      attributes.attr_set |= MOUNT_ATTR_IDMAP;
      attributes.userns_fd = static_cast<std::uint64_t>(idmap_.get());
    }
    if (set_attributes(tree.get(), attributes) != 0)
      return system_error("map the owners of " + source +
                          " (its file system must support idmapped mounts: ext4, xfs, btrfs)");
    if (attach_tree(tree.get(), target.c_str()) != 0) return system_error("mount " + source);
    return {};
  }

 private:
  Result<void> bind(const ShimMount& mount) {
    return clone(mount.source, path(mount.name), mount.writable);
  }

  /// Its top directory is the container's user's, who could not make anything in it otherwise. Root
  /// takes nothing: what it is to others it says itself, as images of databases do.
  Result<void> volume(const ShimMount& mount) {
    const std::string at = path("v" + mount.name);
    if (::mkdir(at.c_str(), 0700) != 0) return system_error("create " + at);
    // What is deleted inside is given back to the disk.
    if (::mount(mount.device.c_str(), at.c_str(), "ext4", MS_NOSUID | MS_NODEV, "discard") != 0)
      return system_error("mount " + mount.device);
    ::rmdir((at + "/lost+found").c_str());  // programs want an empty directory at first
    if (conf_.uid != 0 && ::chown(at.c_str(), conf_.uid, conf_.gid) != 0)
      return system_error("give it to user " + std::to_string(conf_.uid));
    return clone(at, path(mount.name), true);
  }

  Result<void> overlay(const ShimMount& mount) {
    std::string lowers;
    for (const auto& lower : mount.lowers) {
      const std::string at = path("l" + std::to_string(layers_++));
      BERTH_TRY(clone(lower, at, false));
      lowers += (lowers.empty() ? "" : ":") + at;
    }
    if (lowers.empty()) {
      lowers = path("empty");
      if (::mkdir(lowers.c_str(), 0755) != 0 && errno != EEXIST)
        return system_error("create " + lowers);
    }
    // upper and work must lie on one mount: their common parent is cloned and mapped as a whole.
    const std::size_t common = common_parent(mount.upper, mount.work);
    const std::string at = path("l" + std::to_string(layers_++));
    BERTH_TRY(clone(mount.upper.substr(0, common), at, true));
    const std::string options = "lowerdir=" + lowers + ",upperdir=" + at +
                                mount.upper.substr(common) + ",workdir=" + at +
                                mount.work.substr(common);
    const std::string target = path(mount.name);
    if (::mkdir(target.c_str(), 0755) != 0) return system_error("create " + target);
    const MappedIdentity mapped(conf_.uid_base);
    if (::mount("overlay", target.c_str(), "overlay", MS_NODEV | MS_NOSUID, options.c_str()) != 0)
      return system_error("mount overlay " + mount.name);
    return {};
  }

  /// Length of the longest directory prefix of both, without its slash.
  static std::size_t common_parent(const std::string& one, const std::string& other) {
    std::size_t common = 0;
    for (std::size_t i = 0; i < one.size() && i < other.size() && one[i] == other[i]; ++i)
      if (one[i] == '/') common = i;
    return common;
  }

  [[nodiscard]] std::string path(const std::string& name) const { return conf_.stage + "/" + name; }

  const ShimConf& conf_;
  Fd idmap_;
  int layers_ = 0;
};

}  // namespace

Result<void> enter_stage(const ShimConf& conf) {
  if (::unshare(CLONE_NEWNS) != 0) return system_error("create mount namespace");
  // Slave, not private: a file system that the host unmounts later must not stay busy because of
  // us.
  if (::mount("", "/", nullptr, MS_SLAVE | MS_REC, nullptr) != 0)
    return system_error("make mounts private");
  // In the hybrid layout crun refuses to run beside the cgroup2 mount, and runc would leave a group
  // there.
  const bool hide = conf.maker != Maker::native && !conf.unified.empty();
  if (hide && ::umount2(conf.unified.c_str(), MNT_DETACH) != 0)
    return system_error("hide " + conf.unified);
  if (::mount("berth", conf.stage.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=4m") != 0)
    return system_error("mount " + conf.stage);
  return {};
}

Result<Fd> map_users(pid_t pid, std::uint32_t uid_base) {
  const std::string process = "/proc/" + std::to_string(pid);
  const std::string map = "0 " + std::to_string(uid_base) + " 65536\n";
  BERTH_TRY(write_text(process + "/uid_map", map));
  BERTH_TRY(write_text(process + "/gid_map", map));
  Fd result(::open((process + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC));
  if (!result) return system_error("open user namespace");
  return result;
}

Result<Fd> idmap_namespace(std::uint32_t uid_base) {
  const pid_t child = static_cast<pid_t>(
      ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, 0));
  if (child < 0) return system_error("create user namespace");
  if (child == 0)
    for (;;) ::pause();
  auto result = map_users(child, uid_base);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  return result;
}

Result<void> build_stage(const ShimConf& conf, Fd idmap) {
  Stage stage(conf, std::move(idmap));
  for (const auto& mount : conf.mounts) BERTH_TRY(stage.mount(mount));
  // By its path: /proc/self/exe leads into the mount namespace that we have left.
  char self[4096];
  const ssize_t length = ::readlink("/proc/self/exe", self, sizeof self);
  if (length <= 0) return system_error("find own program");
  BERTH_TRY(stage.clone(std::string(self, static_cast<std::size_t>(length)), conf.stage + "/init",
                        false, false));
  if (conf.maker == Maker::native) return {};
  if (::mkdir((conf.stage + "/state").c_str(), 0755) != 0)
    return system_error("create " + conf.stage);
  return stage.clone(conf.oci_runtime, conf.stage + "/oci", false, false);
}

}  // namespace berth::runtime::shim
