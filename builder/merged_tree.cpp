// SPDX-License-Identifier: Apache-2.0
#include "builder/merged_tree.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "builder/overlay_entry.hpp"

namespace berth::builder {

namespace fs = std::filesystem;

namespace {

Result<void> copy_owner_and_times(const fs::path& to, const struct stat& status) {
  const timespec times[2] = {status.st_atim, status.st_mtim};
  if (::lchown(to.c_str(), status.st_uid, status.st_gid) != 0 ||
      ::chmod(to.c_str(), status.st_mode & 07777) != 0 ||
      ::utimensat(AT_FDCWD, to.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
    return system_error("set attributes of " + to.string());
  return {};
}

/// For a file that already has as many names as its file system allows.
Result<void> copy_file(const fs::path& from, const fs::path& to, const struct stat& status) {
  BERTH_ASSIGN(const Fd in, open_file(from, O_RDONLY | O_NOFOLLOW));
  BERTH_ASSIGN(const Fd out, open_file(to, O_WRONLY | O_CREAT | O_EXCL, 0600));
  for (;;) {
    const ssize_t count = ::copy_file_range(in.get(), nullptr, out.get(), nullptr, 1 << 30, 0);
    if (count == 0) break;
    if (count < 0 && errno != EINTR) return system_error("copy " + from.string());
  }
  return copy_owner_and_times(to, status);
}

Result<bool> same_content(const fs::path& one, const fs::path& other) {
  BERTH_ASSIGN(const Fd first, open_file(one, O_RDONLY | O_NOFOLLOW));
  BERTH_ASSIGN(const Fd second, open_file(other, O_RDONLY | O_NOFOLLOW));
  std::array<char, 65536> here;
  std::array<char, 65536> there;
  for (off_t at = 0;;) {
    const ssize_t count = ::pread(first.get(), here.data(), here.size(), at);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("read " + one.string());
    const ssize_t beside = ::pread(second.get(), there.data(), static_cast<std::size_t>(count), at);
    if (beside != count || std::memcmp(here.data(), there.data(), static_cast<std::size_t>(count)))
      return false;
    if (count == 0) return true;
    at += count;
  }
}

bool same_attributes(const struct stat& one, const struct stat& other) {
  return one.st_mode == other.st_mode && one.st_uid == other.st_uid && one.st_gid == other.st_gid;
}

/// Whether a directory of the upper one says only what those below it say already: builds like to
/// write their small files again as they were.
bool repeats(const fs::path& upper, const std::vector<fs::path>& lowers) {
  struct stat status{};
  struct stat below{};
  if (lowers.empty() || is_overlay_opaque(upper) || ::lstat(upper.c_str(), &status) != 0 ||
      ::lstat(lowers[0].c_str(), &below) != 0 || !same_attributes(status, below))
    return false;
  for (const auto& name : directory_names(upper)) {
    const fs::path path = upper / name;
    if (::lstat(path.c_str(), &status) != 0) return false;
    const OverlayEntry lower = overlay_child(lowers, name);
    if (is_overlay_whiteout(status) && lower.kind == OverlayEntry::Kind::absent) continue;
    if (lower.kind == OverlayEntry::Kind::absent || !same_attributes(status, lower.status))
      return false;
    std::error_code failure;
    bool same = false;
    if (S_ISDIR(status.st_mode)) {
      same = repeats(path, lower.paths);
    } else if (S_ISLNK(status.st_mode)) {
      same = fs::read_symlink(path, failure) == fs::read_symlink(lower.paths[0], failure) &&
             !failure;
    } else if (S_ISREG(status.st_mode) && status.st_size == lower.status.st_size) {
      const auto compared = same_content(path, lower.paths[0]);
      same = compared.has_value() && *compared;
    }
    if (!same) return false;
  }
  return true;
}

/// Applies an upper directory to lower ones.
class Merger final {
 public:
  explicit Merger(const fs::path& upper) : upper_(upper.string() + "/") {}

  Result<void> place(const OverlayEntry& entry, const fs::path& to) {
    if (entry.kind == OverlayEntry::Kind::other) return file(entry, to);
    if (entry.paths.size() == 1 && from_upper(entry.paths[0])) return whole(entry.paths[0], to);
    if (::mkdir(to.c_str(), 0700) != 0) return system_error("create " + to.string());
    std::set<std::string> names;
    for (const auto& path : entry.paths) names.merge(directory_names(path));
    for (const auto& name : names) {
      const OverlayEntry child = overlay_child(entry.paths, name);
      if (child.kind != OverlayEntry::Kind::absent) BERTH_TRY(place(child, to / name));
    }
    return copy_owner_and_times(to, entry.status);
  }

  /// The same where `to` is the lower directory itself.
  Result<void> update(const fs::path& from, const fs::path& to) {
    for (const auto& name : directory_names(from)) {
      OverlayEntry entry{OverlayEntry::Kind::other, {from / name}, {}};
      if (::lstat(entry.paths[0].c_str(), &entry.status) != 0)
        return system_error("look at " + entry.paths[0].string());
      struct stat below{};
      const bool there = ::lstat((to / name).c_str(), &below) == 0;
      if (S_ISDIR(entry.status.st_mode)) {
        entry.kind = OverlayEntry::Kind::directory;
        if (there && S_ISDIR(below.st_mode) && !is_overlay_opaque(entry.paths[0])) {
          BERTH_TRY(update(entry.paths[0], to / name));
          continue;
        }
      }
      if (there) BERTH_TRY(remove_tree(to / name));
      if (!is_overlay_whiteout(entry.status)) BERTH_TRY(place(entry, to / name));
    }
    struct stat status{};
    if (::lstat(from.c_str(), &status) != 0) return system_error("look at " + from.string());
    return copy_owner_and_times(to, status);
  }

 private:
  [[nodiscard]] bool from_upper(const fs::path& path) const {
    return path.string().starts_with(upper_) || path.string() + "/" == upper_;
  }

  Result<void> file(const OverlayEntry& entry, const fs::path& to) {
    const fs::path& from = entry.paths[0];
    // Only with metacopy or redirect_dir, which sandboxes must not mount with (sandbox.hpp).
    if (has_overlay_attribute(from, "trusted.overlay.metacopy", 0))
      return Error{ErrorKind::internal,
                   from.string() + " has no content: the overlay was mounted with metacopy"};
    if (from_upper(from)) {
      if (::rename(from.c_str(), to.c_str()) != 0) return system_error("move " + from.string());
      return {};
    }
    if (::linkat(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), 0) == 0) return {};
    if (errno == EMLINK && S_ISREG(entry.status.st_mode)) return copy_file(from, to, entry.status);
    return system_error("link " + from.string());
  }

  /// A directory that hides or has nothing below it moves in one step. Inside it, neither whiteouts
  /// nor opaque marks mean anything any more, and none of its own may cover another layer.
  static Result<void> whole(const fs::path& from, const fs::path& to) {
    if (::rename(from.c_str(), to.c_str()) != 0) return system_error("move " + from.string());
    for (const char* name : {"trusted.overlay.opaque", "user.overlay.opaque"})
      if (::lremovexattr(to.c_str(), name) != 0 && errno != ENODATA && errno != EOPNOTSUPP)
        return system_error("clean " + to.string());
    return {};
  }

  std::string upper_;
};

std::vector<std::string> parts_of(const std::string& path) {
  std::vector<std::string> parts;
  for (const auto& part : fs::path(path)) parts.push_back(part.string());
  return parts;
}

}  // namespace

struct MergedTree::Found {
  OverlayEntry entry;
  std::string path;
};

MergedTree::MergedTree(fs::path upper, std::vector<fs::path> lowers) : upper_(std::move(upper)) {
  layers_.push_back(upper_);
  layers_.insert(layers_.end(), std::make_move_iterator(lowers.begin()),
                 std::make_move_iterator(lowers.end()));
}

MergedTree::Found MergedTree::find(const std::string& path) const {
  OverlayEntry entry{OverlayEntry::Kind::directory, layers_, {}};
  ::lstat(upper_.c_str(), &entry.status);
  for (const auto& part : parts_of(path)) {
    if (entry.kind != OverlayEntry::Kind::directory) return {{}, path};
    entry = overlay_child(entry.paths, part);
  }
  return {std::move(entry), path};
}

Result<std::optional<std::string>> MergedTree::read(const std::string& path,
                                                    std::uint64_t limit) const {
  const Found found = find(path);
  if (found.entry.kind == OverlayEntry::Kind::absent) return std::optional<std::string>();
  const auto refuse = [&] {
    return Error{ErrorKind::invalid, "/" + path + " is not a plain file"};
  };
  if (found.entry.kind != OverlayEntry::Kind::other || !S_ISREG(found.entry.status.st_mode))
    return refuse();
  // A process of the build may still run and swap a directory for a link: the kernel checks again.
  const fs::path& file = found.entry.paths[0];
  for (const auto& layer : layers_) {
    if (!file.string().starts_with(layer.string() + "/")) continue;
    BERTH_ASSIGN(const Fd root, open_file(layer, O_PATH | O_DIRECTORY));
    open_how how{};
    how.flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
    const Fd fd(static_cast<int>(::syscall(
        SYS_openat2, root.get(), file.lexically_relative(layer).c_str(), &how, sizeof how)));
    struct stat status{};
    if (!fd || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return refuse();
    std::string content;
    char buffer[65536];
    for (;;) {
      const ssize_t count = ::read(fd.get(), buffer, sizeof buffer);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return system_error("read /" + path);
      if (count == 0) return std::optional(std::move(content));
      content.append(buffer, static_cast<std::size_t>(count));
      if (content.size() > limit)
        return Error{ErrorKind::limit,
                     "/" + path + " is larger than " + std::to_string(limit) + " bytes"};
    }
  }
  return refuse();
}

std::vector<std::string> MergedTree::list(const std::string& path) const {
  const Found found = find(path);
  if (found.entry.kind != OverlayEntry::Kind::directory) return {};
  std::set<std::string> names;
  for (const auto& directory : found.entry.paths) names.merge(directory_names(directory));
  std::erase_if(names, [&](const std::string& name) {
    return overlay_child(found.entry.paths, name).kind == OverlayEntry::Kind::absent;
  });
  return {names.begin(), names.end()};
}

bool MergedTree::is_directory(const std::string& path) const {
  return find(path).entry.kind == OverlayEntry::Kind::directory;
}

bool MergedTree::looks_like_directory(const std::string& path) const {
  const Found found = find(path);
  return found.entry.kind == OverlayEntry::Kind::directory ||
         (found.entry.kind == OverlayEntry::Kind::other && S_ISLNK(found.entry.status.st_mode));
}

TreeChange MergedTree::change_of(const std::string& path) const {
  const Found found = find(path);
  if (found.entry.kind == OverlayEntry::Kind::absent) return TreeChange::absent;
  const std::string upper = upper_.string() + "/";
  const auto in_upper = [&](const fs::path& at) { return at.string().starts_with(upper); };
  const auto touched = std::count_if(found.entry.paths.begin(), found.entry.paths.end(), in_upper);
  if (touched == 0) return TreeChange::unchanged;
  if (static_cast<std::size_t>(touched) == found.entry.paths.size()) return TreeChange::replaced;
  const std::vector<fs::path> lowers(found.entry.paths.begin() + touched, found.entry.paths.end());
  return repeats(found.entry.paths[0], lowers) ? TreeChange::unchanged : TreeChange::modified;
}

Result<void> MergedTree::update(const std::string& path, const fs::path& lower) const {
  return Merger(upper_).update(upper_ / path, lower);
}

Result<void> MergedTree::take(const std::string& path, const fs::path& to) const {
  const Found found = find(path);
  if (found.entry.kind != OverlayEntry::Kind::directory)
    return Error{ErrorKind::not_found, "/" + path + " is not a directory"};
  return Merger(upper_).place(found.entry, to);
}

}  // namespace berth::builder
