// SPDX-License-Identifier: Apache-2.0
#include "tests/tidiness/sources.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace berth::tidiness {

namespace {

namespace fs = std::filesystem;

bool is_ours(const fs::path& entry) {
  const std::string name = entry.filename().string();
  return name != ".git" && name != "node_modules" && name != "dist" &&
         !name.starts_with("build-") && name != "build" && name != "corpus";
}

bool is_text(const fs::path& file) {
  static const std::vector<std::string> binary = {".png", ".ico", ".woff2", ".gz", ".zst", ".pack"};
  return std::ranges::find(binary, file.extension().string()) == binary.end();
}

Source read(const fs::path& file, const fs::path& root) {
  Source source{.path = file.lexically_relative(root).string(), .lines = {}};
  std::ifstream stream(file);
  for (std::string line; std::getline(stream, line);) source.lines.push_back(line);
  return source;
}

}  // namespace

const std::vector<Source>& sources() {
  static const std::vector<Source> all = [] {
    const fs::path root = BERTH_SOURCE_DIR;
    std::vector<Source> found;
    for (auto entry = fs::recursive_directory_iterator(root);
         entry != fs::recursive_directory_iterator(); ++entry) {
      if (entry->is_symlink()) continue;
      if (entry->is_directory() && !is_ours(entry->path())) entry.disable_recursion_pending();
      if (entry->is_regular_file() && is_ours(entry->path()) && is_text(entry->path()))
        found.push_back(read(entry->path(), root));
    }
    std::ranges::sort(found, {}, &Source::path);
    return found;
  }();
  return all;
}

}  // namespace berth::tidiness
