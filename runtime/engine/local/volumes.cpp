// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/volumes.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "base/child_process.hpp"
#include "base/disk_usage.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "runtime/engine/local/detached_mount.hpp"
#include "runtime/engine/local/sparse_copy.hpp"

namespace berth::runtime {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t block_bytes = 4096;
constexpr auto tool_limit = std::chrono::minutes(10);
constexpr auto look_again = std::chrono::milliseconds(10);

/// ext4's own, from fs/ext4/ext4.h: the number of blocks that it is to have.
constexpr unsigned long ext4_resize = _IOW('f', 16, std::uint64_t);

Result<std::uint64_t> allocated(const fs::path& file) {
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0) return system_error("look at " + file.string());
  return static_cast<std::uint64_t>(status.st_blocks) * 512;
}

Result<void> run_tool(std::vector<std::string> argv, int worst_code = 0) {
  const std::string name = argv.front();
  BERTH_ASSIGN(const Output done,
               with_context(run_program({.argv = std::move(argv)}, {}, tool_limit),
                            "run " + name + " (of the package e2fsprogs)"));
  if (done.status.signal == 0 && done.status.code <= worst_code) return {};
  return Error{ErrorKind::io, name + ": " + done.status.describe() + ": " + done.err};
}

Result<void> make_file_system(const fs::path& file) {
  // Without a share for root, which nobody is here, and without tables that are written at once.
  return run_tool({"mkfs.ext4", "-q", "-F", "-b", std::to_string(block_bytes), "-m", "0", "-E",
                   "lazy_itable_init=1,lazy_journal_init=1,nodiscard,root_owner=0:0",
                   file.string()});
}

/// Nothing has it mounted, and while these have it nothing can: they open the device exclusively.
Result<void> grow_idle(const LoopDevice& device) {
  BERTH_TRY(run_tool({"e2fsck", "-f", "-p", device.path}, /*worst_code=*/1));  // 1: mended
  return run_tool({"resize2fs", device.path});
}

Result<void> grow_mounted(const LoopDevice& device, std::uint64_t blocks) {
  BERTH_TRY(update_size(device));
  BERTH_ASSIGN(const Fd root, detached_ext4(device.path));
  if (::ioctl(root.get(), ext4_resize, &blocks) == 0) return {};
  if (errno == EPERM)
    return Error{ErrorKind::forbidden,
                 "a file system in use grows for a server with CAP_SYS_RESOURCE, which this one "
                 "does not have. Stop what has the volume and try again: berth ps:scale"};
  return system_error("grow the file system on " + device.path);
}

Result<void> rename_file(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0)
    return system_error("rename " + from.string() + " to " + to.filename().string());
  return {};
}

bool is_there(const fs::path& path) { return ::access(path.c_str(), F_OK) == 0; }

/// Writes wait while it lives.
class Freeze final {
 public:
  explicit Freeze(int root) : root_(root), held_(::ioctl(root, FIFREEZE, 0) == 0) {}
  ~Freeze() {
    if (held_) ::ioctl(root_, FITHAW, 0);
  }
  Freeze(const Freeze&) = delete;
  [[nodiscard]] bool held() const { return held_; }

 private:
  int root_;
  bool held_;
};

}  // namespace

fs::path Volumes::folder(const VolumePlace& place) const {
  return directory_ / place.app_id / place.id;
}

fs::path Volumes::image(const VolumePlace& place) const {
  return folder(place) / ("data-" + place.id + ".img");
}

fs::path Volumes::snapshot_file(const VolumePlace& place, std::int64_t number) const {
  return folder(place) / "snapshots" / (std::to_string(number) + ".img");
}

Result<void> Volumes::check_room(std::uint64_t wanted) const {
  std::error_code failure;
  for (fs::recursive_directory_iterator at(directory_, failure), end; !failure && at != end;
       at.increment(failure)) {
    struct stat status{};
    if (!at->path().filename().string().starts_with("data-") ||
        ::stat(at->path().c_str(), &status) != 0)
      continue;
    const auto size = static_cast<std::uint64_t>(status.st_size);
    wanted += size - std::min(size, static_cast<std::uint64_t>(status.st_blocks) * 512);
  }
  const std::uint64_t free = free_disk_bytes(directory_);
  if (wanted <= free) return {};
  return Error{ErrorKind::limit,
               "the disk has " + std::to_string(free >> 20) +
                   " MiB free, and with this volumes could write " + std::to_string(wanted >> 20) +
                   " MiB more. Ask for less, or make room: berth system:df"};
}

Result<void> Volumes::make(const VolumePlace& place, std::uint64_t size_bytes) {
  BERTH_TRY(make_directories(folder(place) / "snapshots"));
  if (::chmod(directory_.c_str(), 0700) != 0) return system_error("set mode of volumes");
  BERTH_TRY(check_room(size_bytes));
  const fs::path file = image(place);
  {
    BERTH_ASSIGN(const Fd made, open_file(file, O_RDWR | O_CREAT | O_EXCL, 0600));
    if (::ftruncate(made.get(), static_cast<off_t>(size_bytes / block_bytes * block_bytes)) != 0)
      return system_error("set the size of " + file.string());
  }
  BERTH_TRY(make_file_system(file));
  return sync_file(file);
}

Result<LoopDevice> Volumes::device_of(const fs::path& file) {
  const std::scoped_lock lock(attaching_);
  BERTH_ASSIGN(auto found, find_loop_device(file));
  if (found) return std::move(*found);
  return make_loop_device(file);
}

Result<LoopDevice> Volumes::attach(const VolumePlace& place, bool shared) {
  if (shared) return device_of(image(place));
  BERTH_ASSIGN(const auto lock, wait_until_free(image(place)));
  return make_loop_device(image(place));
}

Result<std::unique_lock<std::mutex>> Volumes::wait_until_free(const fs::path& file) {
  const auto end = std::chrono::steady_clock::now() + patience_;
  for (;;) {
    std::unique_lock lock(attaching_);
    BERTH_ASSIGN(const auto held, find_loop_device(file));
    if (!held) return lock;
    lock.unlock();
    if (std::chrono::steady_clock::now() > end)
      return Error{ErrorKind::conflict, "something else still has it"};
    std::this_thread::sleep_for(look_again);  // the kernel tells nobody when a mount goes
  }
}

Result<void> Volumes::grow(const VolumePlace& place, std::uint64_t size_bytes) {
  return grow(image(place), size_bytes);
}

Result<void> Volumes::grow(const fs::path& file, std::uint64_t size_bytes) {
  struct stat status{};
  if (::stat(file.c_str(), &status) != 0) return system_error("open " + file.string());
  const std::uint64_t before = static_cast<std::uint64_t>(status.st_size);
  const std::uint64_t blocks = size_bytes / block_bytes;
  if (blocks * block_bytes > before) {
    BERTH_TRY(check_room(size_bytes - before));
    if (::truncate(file.c_str(), static_cast<off_t>(blocks * block_bytes)) != 0)
      return system_error("grow " + file.string());
  }
  std::unique_lock lock(attaching_);
  BERTH_ASSIGN(const auto held, find_loop_device(file));
  if (held) {
    lock.unlock();
    return grow_mounted(*held, blocks);
  }
  BERTH_ASSIGN(const LoopDevice device, make_loop_device(file));
  lock.unlock();
  return grow_idle(device);
}

Result<void> Volumes::snapshot(const VolumePlace& place, std::int64_t number) {
  const fs::path file = image(place);
  const fs::path target = snapshot_file(place, number);
  BERTH_ASSIGN(const std::uint64_t taken, allocated(file));
  if (!can_reflink(file, target)) BERTH_TRY(check_room(taken));
  BERTH_ASSIGN(const LoopDevice device, device_of(file));
  BERTH_ASSIGN(const Fd root, detached_ext4(device.path));
  ::syncfs(root.get());  // most of what is to be written is, before anybody has to wait
  {
    const Freeze freeze(root.get());
    if (!freeze.held()) return system_error("hold the writes to " + file.string());
    if (auto copied = sparse_copy(file, target); copied.has_error()) {
      ::unlink(target.c_str());
      return copied;
    }
  }
  return sync_file(target);
}

Result<void> Volumes::restore(const VolumePlace& place, std::int64_t from, std::int64_t kept,
                              std::uint64_t size_bytes) {
  const fs::path file = image(place);
  const fs::path made = folder(place) / "restore.img";
  const fs::path old = snapshot_file(place, kept);
  if (is_there(file)) BERTH_TRY(wait_until_free(file));
  // Each step is there whole or not at all, so that a crash between any two is seen by what is
  // missing. The copy is whole when the volume's own file has been moved away.
  if (!is_there(old)) {
    const fs::path source = snapshot_file(place, from);
    BERTH_ASSIGN(const std::uint64_t taken, allocated(source));
    ::unlink(made.c_str());
    if (!can_reflink(source, made)) BERTH_TRY(check_room(taken));
    if (auto copied = sparse_copy(source, made); copied.has_error()) {
      ::unlink(made.c_str());
      return copied;
    }
    BERTH_TRY(grow(made, size_bytes));  // if it is from before the volume was
    BERTH_TRY(sync_file(made));
    BERTH_TRY(rename_file(file, old));
  }
  if (!is_there(file)) {
    if (auto renamed = rename_file(made, file); renamed.has_error()) {
      (void)rename_file(old, file);
      return renamed;
    }
  }
  for (const fs::path& changed : {folder(place), folder(place) / "snapshots"})
    if (auto synced = sync_file(changed); synced.has_error())
      log_warning("{}", synced.error().message);
  return {};
}

Result<void> Volumes::remove(const VolumePlace& place, std::int64_t number) {
  if (place.app_id.empty() || place.id.empty())
    return Error{ErrorKind::internal, "a volume without a name"};
  if (number != 0) return remove_tree(snapshot_file(place, number));
  BERTH_TRY(remove_tree(folder(place)));
  ::rmdir((directory_ / place.app_id).c_str());  // the last one's, or not empty
  return {};
}

std::uint64_t Volumes::bytes(const VolumePlace& place, std::int64_t number) const {
  const auto taken = allocated(number == 0 ? image(place) : snapshot_file(place, number));
  return taken.has_value() ? *taken : 0;
}

void Volumes::thaw_all() {
  std::error_code failure;
  for (fs::recursive_directory_iterator at(directory_, failure), end; !failure && at != end;
       at.increment(failure)) {
    if (!at->path().filename().string().starts_with("data-")) continue;
    const auto device = find_loop_device(at->path());
    if (device.has_error() || !*device) continue;
    const auto root = detached_ext4((*device)->path);
    if (root.has_error())
      log_warning("volume {}: {}", at->path().string(), root.error().message);
    else if (::ioctl(root->get(), FITHAW, 0) == 0)
      log_info("volume {} is written again", at->path().string());
  }
}

}  // namespace berth::runtime
