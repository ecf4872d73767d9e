// SPDX-License-Identifier: Apache-2.0
#include "builder/slices.hpp"

#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

namespace berth::builder {

namespace fs = std::filesystem;

namespace {

class Slicer final {
 public:
  Slicer(const fs::path& app, const fs::path& slice, const std::vector<std::string>& patterns)
      : app_(app), slice_(slice), patterns_(patterns) {}

  Result<void> directory(const std::string& path) {
    std::vector<std::string> names;
    std::error_code failure;
    for (fs::directory_iterator at(app_ / path, failure), end; !failure && at != end;
         at.increment(failure))
      names.push_back(at->path().filename().string());
    if (failure) return system_error("read /" + path, failure.value());
    for (const auto& name : names) BERTH_TRY(entry(path.empty() ? name : path + "/" + name));
    return {};
  }

 private:
  Result<void> entry(const std::string& path) {
    if (std::any_of(patterns_.begin(), patterns_.end(), [&](const std::string& pattern) {
          return pattern == "." || slice_matches(pattern, path);
        }))
      return move(path);
    const auto status = fs::symlink_status(app_ / path);
    return fs::is_directory(status) ? directory(path) : Result<void>();
  }

  Result<void> move(const std::string& path) {
    if (const auto slash = path.rfind('/'); slash != path.npos)
      BERTH_TRY(repeat_directory(path.substr(0, slash)));
    if (::rename((app_ / path).c_str(), (slice_ / path).c_str()) != 0)
      return system_error("move /" + path + " into a slice");
    return {};
  }

  Result<void> repeat_directory(const std::string& path) {
    const fs::path target = slice_ / path;
    if (fs::exists(target)) return {};
    if (const auto slash = path.rfind('/'); slash != path.npos)
      BERTH_TRY(repeat_directory(path.substr(0, slash)));
    struct stat status{};
    if (::lstat((app_ / path).c_str(), &status) != 0 || ::mkdir(target.c_str(), 0700) != 0 ||
        ::lchown(target.c_str(), status.st_uid, status.st_gid) != 0 ||
        ::chmod(target.c_str(), status.st_mode & 07777) != 0)
      return system_error("repeat the directory /" + path + " in a slice");
    return {};
  }

  const fs::path& app_;
  const fs::path& slice_;
  const std::vector<std::string>& patterns_;
};

}  // namespace

std::string clean_slice_pattern(std::string_view pattern, std::string_view app) {
  if (pattern.starts_with('/')) {
    if (pattern == app || pattern.starts_with(std::string(app) + "/"))
      pattern.remove_prefix(app.size());
    while (pattern.starts_with('/')) pattern.remove_prefix(1);
  }
  std::string clean = fs::path(pattern).lexically_normal().string();
  if (clean.size() > 1 && clean.ends_with('/')) clean.pop_back();
  if (clean.empty()) return ".";
  if (clean == ".." || clean.starts_with("../")) return "";
  return clean;
}

bool slice_matches(const std::string& pattern, const std::string& path) {
  return ::fnmatch(pattern.c_str(), path.c_str(), FNM_PATHNAME) == 0;
}

Result<void> move_slice(const fs::path& app, const fs::path& slice,
                        const std::vector<std::string>& patterns) {
  return Slicer(app, slice, patterns).directory("");
}

}  // namespace berth::builder
