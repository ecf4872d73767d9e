// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/local/furniture.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "base/file.hpp"

namespace berth::runtime {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t longest_lent_file = 64ULL << 20;

std::string relative(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  return std::string(path);
}

class Furnisher final {
 public:
  explicit Furnisher(const ContainerSpec& spec)
      : spec_(spec), root_(furniture_directory(spec.directory)) {}

  Result<void> run(const std::vector<std::pair<std::string, std::string>>& files) {
    BERTH_TRY(make(root_, std::nullopt, 0755));
    for (const char* name : {"proc", "dev", "sys"}) BERTH_TRY(directory(name, 0755));
    BERTH_TRY(directory("tmp", 01777));
    for (const auto& [path, content] : files) BERTH_TRY(file(relative(path), content, nullptr));
    for (const auto& overlay : spec_.overlays) BERTH_TRY(directory(relative(overlay.target), 0755));
    for (const auto& bind : spec_.binds) {
      if (!fs::is_directory(bind.source)) {
        BERTH_TRY(lend(bind));
      } else {
        BERTH_TRY(directory(relative(bind.target), 0755));
      }
    }
    return {};
  }

 private:
  /// What the image shows there, if anything.
  std::optional<struct stat> in_image(const std::string& path) const {
    for (const auto& layer : spec_.root_layers) {
      struct stat status{};
      if (::lstat((layer / path).c_str(), &status) != 0) continue;
      if (S_ISCHR(status.st_mode)) return std::nullopt;  // a whiteout
      return status;
    }
    return std::nullopt;
  }

  static Result<void> make(const fs::path& path, const std::optional<struct stat>& like,
                           mode_t mode) {
    if (::mkdir(path.c_str(), 0700) != 0)
      return errno == EEXIST ? Result<void>() : system_error("create " + path.string());
    if (like && ::lchown(path.c_str(), like->st_uid, like->st_gid) != 0)
      return system_error("set owner of " + path.string());
    if (::chmod(path.c_str(), like ? like->st_mode & 07777 : mode) != 0)
      return system_error("set mode of " + path.string());
    return {};
  }

  Result<void> directory(const std::string& path, mode_t mode) {
    for (std::size_t end = path.find('/'); !path.empty(); end = path.find('/', end + 1)) {
      const std::string part = path.substr(0, end);
      const auto like = in_image(part);
      // The image's own link leads on; who mounts below one has resolved it.
      if (like && !S_ISDIR(like->st_mode)) return {};
      BERTH_TRY(make(root_ / part, like, end == path.npos ? mode : 0755));
      if (end == path.npos) break;
    }
    return {};
  }

  Result<void> file(const std::string& path, std::string_view content, const struct stat* like) {
    const auto slash = path.rfind('/');
    if (slash != path.npos) {
      BERTH_TRY(directory(path.substr(0, slash), 0755));
      if (!fs::is_directory(root_ / path.substr(0, slash))) return {};
    }
    BERTH_TRY(write_file(root_ / path, content, 0600));
    if (like && ::lchown((root_ / path).c_str(), like->st_uid, like->st_gid) != 0)
      return system_error("set owner of " + path);
    if (::chmod((root_ / path).c_str(), like ? like->st_mode & 07777 : 0644) != 0)
      return system_error("set mode of " + path);
    return {};
  }

  Result<void> lend(const ContainerSpec::Bind& bind) {
    if (!is_lent_file(spec_, bind)) return file(relative(bind.target), "", nullptr);
    struct stat status{};
    if (::stat(bind.source.c_str(), &status) != 0)
      return system_error("read " + bind.source.string());
    BERTH_ASSIGN(const std::string content, read_file(bind.source, longest_lent_file));
    return file(relative(bind.target), content, &status);
  }

  const ContainerSpec& spec_;
  fs::path root_;
};

}  // namespace

bool is_lent_file(const ContainerSpec& spec, const ContainerSpec::Bind& bind) {
  return !spec.kept_upper.empty() && !bind.writable && !fs::is_directory(bind.source);
}

Result<void> furnish(const ContainerSpec& spec,
                     const std::vector<std::pair<std::string, std::string>>& files) {
  return Furnisher(spec).run(files);
}

Result<void> remove_furniture(const fs::path& furniture, const fs::path& upper) {
  BERTH_ASSIGN(const Fd root, open_file(upper, O_PATH | O_DIRECTORY));
  std::error_code failure;
  for (fs::recursive_directory_iterator at(furniture, failure), end; !failure && at != end;
       at.increment(failure)) {
    if (!at->is_regular_file(failure)) continue;
    const fs::path path = at->path().lexically_relative(furniture);
    open_how how{};
    how.flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
    const std::string parent = path.has_parent_path() ? path.parent_path().string() : ".";
    const Fd directory(static_cast<int>(
        ::syscall(SYS_openat2, root.get(), parent.c_str(), &how, sizeof how)));
    if (!directory) continue;
    if (::unlinkat(directory.get(), path.filename().c_str(), 0) != 0 && errno != ENOENT &&
        errno != EISDIR)
      return system_error("remove /" + path.string() + " from what is kept");
  }
  return {};
}

}  // namespace berth::runtime
