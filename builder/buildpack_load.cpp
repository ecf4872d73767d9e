// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>

#include "base/crypto.hpp"
#include "base/file.hpp"
#include "builder/buildpack.hpp"

namespace berth::builder {

namespace fs = std::filesystem;

namespace {

bool runnable(const fs::path& path) {
  std::error_code failure;
  return fs::is_regular_file(path, failure) && ::access(path.c_str(), X_OK) == 0;
}

/// Ids are unique whatever their case (1.2).
std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

}  // namespace

Result<std::string> digest_of_tree(const fs::path& directory) {
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

Result<Buildpack> load_buildpack(const fs::path& directory) {
  const fs::path file = directory / "buildpack.toml";
  // Folders of third parties come through here: a link could lead anywhere on this machine.
  if (!fs::is_regular_file(fs::symlink_status(file)))
    return Error{ErrorKind::invalid, file.string() + " is not a plain file"};
  BERTH_ASSIGN(const std::string text, read_file(file, 1 << 20));
  BERTH_ASSIGN(Buildpack buildpack, with_context(parse_buildpack(text), file.string()));
  if (!buildpack.composite())
    for (const char* program : {"bin/detect", "bin/build"})
      if (!runnable(directory / program))
        return Error{ErrorKind::invalid, file.string() + ": buildpack " + buildpack.key() +
                                             " has no executable " + program + " and no [[order]]"};
  buildpack.directory = directory;
  return buildpack;
}

Result<InstalledBuildpacks> load_buildpacks(const fs::path& directory) {
  InstalledBuildpacks result;
  std::error_code failure;
  for (fs::directory_iterator at(directory, failure), end; !failure && at != end;
       at.increment(failure)) {
    const fs::path file = at->path() / "buildpack.toml";
    if (!fs::exists(file, failure)) continue;
    BERTH_ASSIGN(Buildpack buildpack, load_buildpack(at->path()));
    for (const auto* other : result.set.all()) {
      if (lower_case(other->id) != lower_case(buildpack.id)) continue;
      if (other->id != buildpack.id)
        return Error{ErrorKind::invalid, file.string() + ": the ids " + buildpack.id + " and " +
                                             other->id + " differ only in case"};
      if (other->version == buildpack.version)
        return Error{ErrorKind::invalid,
                     file.string() + ": buildpack " + buildpack.key() + " is installed twice"};
    }
    result.set.add(std::move(buildpack));
  }
  if (failure) return system_error("read buildpacks in " + directory.string(), failure.value());
  BERTH_ASSIGN(const std::string order, read_file(directory / "order.toml", 1 << 20));
  BERTH_ASSIGN(result.order, with_context(parse_order(order), (directory / "order.toml").string()));
  const fs::path system = directory / "system.toml";
  if (fs::exists(system, failure)) {
    BERTH_ASSIGN(const std::string text, read_file(system, 1 << 20));
    BERTH_ASSIGN(const Surrounding around, with_context(parse_system(text), system.string()));
    result.order = surround(std::move(result.order), around);
  }
  BERTH_ASSIGN(result.digest, digest_of_tree(directory));
  return result;
}

}  // namespace berth::builder
