// SPDX-License-Identifier: Apache-2.0
//
// A bare git repository for tests, filled by git fast-import: one process a commit, no work tree.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace berth::test {

struct GitFile {
  std::string content;
  std::string mode = "100644";  ///< "100755", "120000", "160000" (content is a commit id)
  GitFile(const char* text) : content(text) {}
  GitFile(std::string text, std::string mode_bits = "100644")
      : content(std::move(text)), mode(std::move(mode_bits)) {}
};

using GitFiles = std::map<std::string, GitFile>;

class GitRepository final {
 public:
  [[nodiscard]] static Result<GitRepository> create(const std::filesystem::path& directory);
  /// A commit on main that holds exactly these files; its id.
  [[nodiscard]] Result<std::string> commit(const GitFiles& files) const;
  /// Runs git in the repository; its output without the last newline.
  [[nodiscard]] Result<std::string> git(const std::vector<std::string>& arguments,
                                        std::string input = {}) const;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  explicit GitRepository(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace berth::test
