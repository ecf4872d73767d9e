// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/shim/native/root.hpp"

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hpp"
#include "runtime/engine/local/container_shape.hpp"

namespace berth::runtime::shim {

namespace {

constexpr const char* devices[] = {"null", "zero", "full", "random", "urandom", "tty"};
constexpr std::pair<const char*, const char*> device_links[] = {
    {"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
    {"stderr", "/proc/self/fd/2"}, {"core", "/proc/kcore"},      {"ptmx", "pts/ptmx"},
};

/// A mount that is nowhere yet, so that it can be put where its source is out of sight.
struct LooseMount {
  Fd tree;
  std::string target;
  bool directory = true;
};

Result<Fd> clone_mount(const std::string& source) {
  Fd tree(static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, source.c_str(),
                                     OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)));
  if (!tree) return system_error("take " + source);
  return tree;
}

Result<LooseMount> take(const std::string& source, const std::string& target) {
  BERTH_ASSIGN(Fd tree, clone_mount(source));
  struct stat kind{};
  if (::fstat(tree.get(), &kind) != 0) return system_error("take " + source);
  return LooseMount{std::move(tree), target, S_ISDIR(kind.st_mode)};
}

Result<void> set_attributes(const Fd& tree, std::uint64_t set) {
  mount_attr attributes{};
  attributes.attr_set = set;
  if (::syscall(SYS_mount_setattr, tree.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes))
    return system_error("set a mount's attributes");
  return {};
}

Result<void> put(const Fd& tree, int at, const char* path) {
  const unsigned flags = MOVE_MOUNT_F_EMPTY_PATH | (*path ? 0U : MOVE_MOUNT_T_EMPTY_PATH);
  if (::syscall(SYS_move_mount, tree.get(), "", at, path, flags) != 0)
    return system_error("mount");
  return {};
}

/// Without following a link anywhere: the place is what its path says.
Fd open_place(const char* path, std::uint64_t flags) {
  open_how how{};
  how.flags = flags | O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_NO_SYMLINKS;
  return Fd(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how)));
}

/// Makes it the working directory, on which "." can be mounted.
Result<void> enter(const char* path) {
  const Fd place = open_place(path, O_DIRECTORY);
  if (!place || ::fchdir(place.get()) != 0) return system_error(std::string("enter ") + path);
  return {};
}

Result<void> mount_here(const char* type, unsigned long flags, const std::string& data) {
  if (::mount(type, ".", type, flags, data.c_str()) != 0)
    return system_error(std::string("mount ") + type);
  return {};
}

class Root final {
 public:
  explicit Root(const ShimConf& conf) : conf_(conf) {}

  Result<void> build() {
    if (::unshare(CLONE_NEWNS) != 0) return system_error("create mount namespace");
    if (::mount(nullptr, "/", nullptr, MS_PRIVATE | MS_REC, nullptr) != 0)
      return system_error("make mounts private");
    BERTH_TRY(take_all());
    BERTH_TRY(turn());
    for (const FixedMount& fixed : fixed_mounts)
      BERTH_TRY(with_context(mount_fixed(fixed), fixed.target));
    if (conf_.tmp_bytes > 0) BERTH_TRY(with_context(mount_fixed(tmp_in_memory), "/tmp"));
    BERTH_TRY(make_devices());
    BERTH_TRY(restrict_kernel());
    BERTH_TRY(leave_host());
    return put_all();
  }

 private:
  /// While the host's files and the stage are still in sight.
  Result<void> take_all() {
    for (const char* name : devices) {
      const std::string path = std::string("/dev/") + name;
      BERTH_ASSIGN(LooseMount device, take(path, path));
      BERTH_TRY(set_attributes(device.tree, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC));
      devices_.push_back(std::move(device));
    }
    BERTH_ASSIGN(LooseMount init, take(conf_.stage + "/init", agent_program));
    loose_.push_back(std::move(init));
    for (const auto& mount : conf_.mounts) {
      if (mount.target.empty()) continue;
      BERTH_ASSIGN(LooseMount given, take(conf_.stage + "/" + mount.name, mount.target));
      loose_.push_back(std::move(given));
    }
    return {};
  }

  /// The root becomes ours; the host's stays until leave_host(), since the kernel lets a user
  /// namespace mount proc and sysfs only where it sees them whole. It lies on ours, so that "/.."
  /// leads to it: no path of the image is followed before it is gone.
  Result<void> turn() {
    const std::string root = conf_.stage + "/" + conf_.mounts.front().name;
    host_ = Fd(::open("/", O_DIRECTORY | O_PATH | O_CLOEXEC));
    if (!host_) return system_error("open the host's root");
    // A mount of our own: one that came from a stronger namespace cannot be turned to.
    if (::mount(root.c_str(), root.c_str(), nullptr, MS_BIND, nullptr) != 0)
      return system_error("mount the root");
    if (::chdir(root.c_str()) != 0) return system_error("enter the root");
    if (::syscall(SYS_pivot_root, ".", ".") != 0) return system_error("turn to the root");
    return {};
  }

  Result<void> leave_host() {
    if (::fchdir(host_.get()) != 0 || ::umount2(".", MNT_DETACH) != 0)
      return system_error("leave the host's root");
    host_.reset();
    if (::chdir("/") != 0) return system_error("enter the root");
    return {};
  }

  Result<void> mount_fixed(const FixedMount& fixed) {
    const std::string_view target = fixed.target;
    // In file systems that were mounted just now, so the names are ours to make.
    if (target.starts_with("/dev/")) ::mkdir(fixed.target, 0755);
    BERTH_TRY(enter(fixed.target));
    std::string data = fixed.data;
    if (target == "/dev/shm") data += ",size=" + std::to_string(conf_.shm_bytes);
    if (target == "/tmp") data += ",size=" + std::to_string(conf_.tmp_bytes);
    if (fixed.type == std::string_view("cgroup")) return mount_groups(fixed.flags);
    return mount_here(fixed.type, fixed.flags, data);
  }

  /// v2 is one tree; v1 a tree for each line of /proc/self/cgroup, "N:names:path".
  Result<void> mount_groups(unsigned long flags) {
    const Fd file(::open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC));
    char buffer[4096];
    const ssize_t size = file ? ::read(file.get(), buffer, sizeof buffer) : -1;
    if (size < 0) return system_error("read /proc/self/cgroup");
    const std::string_view text(buffer, static_cast<std::size_t>(size));
    if (text.starts_with("0::") && text.find('\n') == text.size() - 1)
      return mount_here("cgroup2", flags, {});
    const unsigned long writable = flags & ~static_cast<unsigned long>(MS_RDONLY);
    BERTH_TRY(mount_here("tmpfs", writable, "mode=755,size=1m"));
    BERTH_TRY(enter("/sys/fs/cgroup"));
    for (std::string_view rest = text; !rest.empty();) {
      const std::string_view line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      const auto first = line.find(':');
      const auto second = line.find(':', first + 1);
      if (first == line.npos || second == line.npos || second == first + 1) continue;
      BERTH_TRY(mount_group(std::string(line.substr(first + 1, second - first - 1)), flags));
    }
    if (::mount(nullptr, ".", nullptr, flags | MS_REMOUNT | MS_BIND, nullptr) != 0)
      return system_error("make /sys/fs/cgroup read-only");
    return {};
  }

  /// In the tmpfs that is the working directory.
  static Result<void> mount_group(const std::string& controllers, unsigned long flags) {
    const bool named = controllers.starts_with("name=");
    const std::string directory = named ? controllers.substr(5) : controllers;
    if (::mkdir(directory.c_str(), 0755) != 0) return system_error("create " + directory);
    if (::mount("cgroup", directory.c_str(), "cgroup", flags, controllers.c_str()) != 0)
      return system_error("mount cgroup " + controllers);
    if (directory.find(',') == directory.npos) return {};
    for (std::string_view rest = directory; !rest.empty();) {
      const std::string part(rest.substr(0, rest.find(',')));
      rest.remove_prefix(std::min(part.size() + 1, rest.size()));
      if (::symlink(directory.c_str(), part.c_str()) != 0) return system_error("link " + part);
    }
    return {};
  }

  Result<void> make_devices() {
    for (const auto& device : devices_) {
      if (::mknod(device.target.c_str(), S_IFREG | 0666, 0) != 0)
        return system_error("create " + device.target);
      BERTH_TRY(with_context(put(device.tree, AT_FDCWD, device.target.c_str()), device.target));
    }
    for (const auto& [name, target] : device_links) {
      const std::string path = std::string("/dev/") + name;
      if (::symlink(target, path.c_str()) != 0) return system_error("link " + path);
    }
    return {};
  }

  /// A link of the image may lead on to where its mount goes, but not out of the root: that is all
  /// there is now.
  Result<void> put_all() {
    for (const auto& mount : loose_) {
      BERTH_TRY(make_place(mount));
      const Fd place(::open(mount.target.c_str(), O_PATH | O_CLOEXEC));
      if (!place) return system_error("open " + mount.target);
      BERTH_TRY(with_context(put(mount.tree, place.get(), ""), mount.target));
    }
    return {};
  }

  static Result<void> make_place(const LooseMount& mount) {
    const std::string& path = mount.target;
    for (auto slash = path.find('/', 1); slash != path.npos; slash = path.find('/', slash + 1))
      if (::mkdir(path.substr(0, slash).c_str(), 0755) != 0 && errno != EEXIST)
        return system_error("create " + path.substr(0, slash));
    const int made = mount.directory ? ::mkdir(path.c_str(), 0755)
                                     : ::mknod(path.c_str(), S_IFREG | 0644, 0);
    if (made != 0 && errno != EEXIST) return system_error("create " + path);
    return {};
  }

  static Result<void> restrict_kernel() {
    const std::string sysctl = unprivileged_port_sysctl;
    std::string path = "/proc/sys/" + sysctl;
    for (char& byte : path)
      if (byte == '.') byte = '/';
    const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file || ::write(file.get(), "0", 1) != 1) return system_error("set " + sysctl);
    for (const char* hidden : masked_paths) BERTH_TRY(with_context(mask(hidden), hidden));
    for (const char* kept : read_only_paths) BERTH_TRY(with_context(make_read_only(kept), kept));
    return {};
  }

  static Result<void> mask(const char* path) {
    struct stat kind{};
    if (::lstat(path, &kind) != 0) return errno == ENOENT ? Result<void>() : system_error("look");
    if (S_ISDIR(kind.st_mode)) {
      BERTH_TRY(enter(path));
      return mount_here("tmpfs", inert | MS_RDONLY, "size=0");
    }
    BERTH_ASSIGN(const Fd null, clone_mount("/dev/null"));
    BERTH_TRY(set_attributes(null, MOUNT_ATTR_RDONLY));
    return put(null, AT_FDCWD, path);
  }

  static Result<void> make_read_only(const char* path) {
    if (::access(path, F_OK) != 0) return {};
    BERTH_ASSIGN(const Fd same, clone_mount(path));
    BERTH_TRY(set_attributes(same, MOUNT_ATTR_RDONLY));
    return put(same, AT_FDCWD, path);
  }

  const ShimConf& conf_;
  std::vector<LooseMount> devices_;
  std::vector<LooseMount> loose_;
  Fd host_;
};

}  // namespace

Result<void> build_root(const ShimConf& conf) { return Root(conf).build(); }

}  // namespace berth::runtime::shim
