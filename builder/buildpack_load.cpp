// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>

#include "base/crypto.hpp"
#include "base/file.hpp"
#include "builder/buildpack.hpp"

namespace berth::builder {

namespace fs = std::filesystem;

namespace {

/// Every file's path, executable bit and content, in the order of paths.
Result<std::string> digest_of(const fs::path& directory) {
  std::vector<fs::path> paths;
  std::error_code failure;
  for (fs::recursive_directory_iterator at(directory, failure), end; !failure && at != end;
       at.increment(failure))
    if (at->is_symlink(failure) || at->is_regular_file(failure)) paths.push_back(at->path());
  if (failure) return system_error("read " + directory.string(), failure.value());
  std::sort(paths.begin(), paths.end());
  Sha256 hash;
  for (const auto& path : paths) {
    hash.update(path.lexically_relative(directory).string());
    if (fs::is_symlink(path, failure)) {
      hash.update(std::string("\0l", 2) + fs::read_symlink(path, failure).string());
      continue;
    }
    BERTH_ASSIGN(const std::string content, read_file(path, 1 << 30));
    const bool executable = ::access(path.c_str(), X_OK) == 0;
    hash.update(std::string("\0", 1) + (executable ? "x" : "f") + std::to_string(content.size()) +
                ":");
    hash.update(content);
  }
  return hash.finish_hex();
}

}  // namespace

Result<InstalledBuildpacks> load_buildpacks(const fs::path& directory) {
  InstalledBuildpacks result;
  std::error_code failure;
  for (fs::directory_iterator at(directory, failure), end; !failure && at != end;
       at.increment(failure)) {
    const fs::path file = at->path() / "buildpack.toml";
    if (!fs::exists(file, failure)) continue;
    BERTH_ASSIGN(const std::string text, read_file(file, 1 << 20));
    BERTH_ASSIGN(Buildpack buildpack, with_context(parse_buildpack(text), file.string()));
    buildpack.directory = at->path();
    if (result.set.find({.id = buildpack.id, .version = buildpack.version}))
      return Error{ErrorKind::invalid,
                   file.string() + ": buildpack " + buildpack.key() + " is installed twice"};
    result.set.add(std::move(buildpack));
  }
  if (failure) return system_error("read buildpacks in " + directory.string(), failure.value());
  BERTH_ASSIGN(const std::string order, read_file(directory / "order.toml", 1 << 20));
  BERTH_ASSIGN(result.order, with_context(parse_order(order), (directory / "order.toml").string()));
  BERTH_ASSIGN(result.digest, digest_of(directory));
  return result;
}

}  // namespace berth::builder
